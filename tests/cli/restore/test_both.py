"""What holds of both commands that make pictures from pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aecli import device as devices
from aecli.inference import engine as engines

from .denoise.pictures import save

TEMPLATE = re.compile("aecli: hint: --template '(.*)' keeps them apart")

BOTH = pytest.mark.parametrize("command", ["denoise", "upscale"])


@pytest.fixture
def photo(tiny_denoiser, tiny_upscaler) -> Path:
    """One for both tiny models."""
    return save("photo.png")


@BOTH
def test_a_reader_that_went_away_ends_the_run_quietly(python, photo: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        arguments = ("-m", "aecli", command, "-q", "-m", "tiny", photo, "-o", "-")
        done = python(*arguments, stdout=closed)
    assert (done.returncode, done.stderr) == (1, b"")


@BOTH
def test_a_dry_run_imports_no_torch(python, photo: Path, command: str) -> None:
    code = (
        "import sys; from aecli.cli.app import run;"
        f"assert run([{command!r}, '-m', 'tiny', {str(photo)!r}, '--dry-run']) == 0;"
        "sys.exit('torch' in sys.modules)"
    )
    assert python("-c", code).returncode == 0


@BOTH
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (("a.png", "a.jpg"), ("-f", "png")),
        (("a.png", "a.jpg"), ("-f", "png", "-o", "out/")),
        (("x/a.png", "y/a.png"), ("-o", "out/")),
        (("x/a.png", "y/a.png", "y/a.jpg"), ("-f", "png", "-o", "out/")),
    ],
)
def test_two_results_of_one_name_are_refused_with_a_template_that_parts_them(
    aecli, photo: Path, command: str, inputs: tuple[str, ...], words: tuple[str, ...]
) -> None:
    for name in inputs:
        Path(name).parent.mkdir(exist_ok=True)
        save(Path(name))
    before = {path for path in Path().rglob("*") if path.is_file()}
    call = (command, *inputs, "-m", "tiny", *words)
    refused = aecli(*call)
    assert refused.code == 2
    assert "would both become" in refused.err
    assert {path for path in Path().rglob("*") if path.is_file()} == before
    [template] = TEMPLATE.findall(refused.err)
    done = aecli(*call, "--template", template)
    assert (done.code, f"{len(inputs)} done" in done.err) == (0, True), done.err
    assert len({path for path in Path().rglob("*") if path.is_file()} - before) == len(inputs)


@BOTH
def test_what_no_template_parts_is_done_in_turn(aecli, photo: Path, command: str) -> None:
    for name in ("x/1/a.png", "y/1/a.png"):
        Path(name).parent.mkdir(parents=True)
        save(Path(name))
    refused = aecli(command, "-r", "x", "y", "-m", "tiny", "-o", "out/")
    assert refused.code == 2
    assert "hint: work on them in turn, with another -o FOLDER/ each time" in refused.err


@BOTH
def test_folders_that_are_not_looked_into_are_told_of(aecli, photo: Path, command: str) -> None:
    for name in ("in/a.png", "in/old/b.png", "in/new/c.png", "in/out/d.png", "in/.thumbs/e.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        save(Path(name))
    call = (command, "in/", "-m", "tiny", "-o", "in/out/deep/")
    told = aecli(*call)
    line = "aecli: 2 sub-folders passed over (in/new, in/old): -r looks into them, too"
    assert (told.code, told.err.splitlines().count(line)) == (0, 1), told.err
    assert "left out" not in told.err
    assert "passed over" not in aecli(*call, "-r", "--overwrite").err
    assert "passed over" not in aecli(*call, "-q", "--overwrite").err
    records = aecli(*call, "--overwrite", "--json").records
    assert [r for r in records if r["status"] == "left out"] == [
        {"source": f"in/{name}", "status": "left out", "reason": "a folder"}
        for name in ("new", "old")
    ]


@BOTH
@pytest.mark.parametrize(("names", "engine"), [("a", "ncnn"), ("abc", "torch"), ("ab-", "ncnn")])
def test_where_the_cpu_has_tiles_many_pictures_mean_torch(
    aecli, photo: Path, monkeypatch, command: str, names: str, engine: str
) -> None:
    monkeypatch.setattr(devices, "cpu_has_tiles", lambda: True)
    monkeypatch.setattr(devices, "may_have_gpu", lambda: False)
    monkeypatch.setattr(engines, "_REPAYING", dict.fromkeys(engines._REPAYING, 5000))
    monkeypatch.setattr(engines, "_EACH", 0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in names.strip("-"):
        save(f"{name}.png")  # 2,240 pixels each
    inputs = [name if name == "-" else f"{name}.png" for name in names]
    asked = ("-m", "tiny", "-o", "out/", "--json")
    done = aecli(command, *inputs, *asked, stdin=photo.read_bytes())
    assert [record["engine"] for record in done.records] == [engine] * len(names)
