"""`--watch`: what comes into a folder, whole files only, until Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[4]


def until(condition, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def picture() -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def watching(
    tiny_denoiser: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    """`aecli denoise --watch in/ -o out/`, with a picture and a folder in it."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "first.png").write_bytes(picture())
    more = getattr(request, "param", ("-r", "--json"))
    words = ["denoise", "--watch", "in", "-o", "out", "-m", "tiny", *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "aecli", *words, "--engine", "torch", "--device", "cpu"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_files_are_denoised_as_they_come_and_are_whole(
    watching: subprocess.Popen[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    until((out / "first.png").is_file)
    with (tmp_path / "in" / "deep" / "second.png").open("wb") as slow:
        for byte in (picture()[:60], picture()[60:200], picture()[200:]):
            slow.write(byte)
            slow.flush()
            time.sleep(0.7)
    until((out / "deep" / "second.png").is_file)
    (tmp_path / "in" / "broken.png").write_bytes(picture()[:200])
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    (tmp_path / "moved.png").write_bytes(picture())
    (tmp_path / "moved.png").rename(tmp_path / "in" / "third.png")
    until((out / "third.png").is_file)
    time.sleep(0.2)
    watching.send_signal(signal.SIGINT)
    told, said = watching.communicate(timeout=30)
    records = [json.loads(line) for line in told.splitlines()]
    done = {Path(r["target"]).name for r in records if r["status"] == "done"}
    assert done == {"first.png", "second.png", "third.png"}
    assert [r["source"] for r in records if r["status"] == "failed"] == ["in/broken.png"]
    assert "3 done, 1 failed" in said
    assert watching.returncode == 1
    assert "Traceback" not in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("watching", [()], indirect=True, ids=["not-recursive"])
def test_folders_that_are_not_watched_are_told_of(
    watching: subprocess.Popen[str], tmp_path: Path
) -> None:
    until((tmp_path / "out" / "first.png").is_file)
    (tmp_path / "in" / "deep" / "second.png").write_bytes(picture())
    (tmp_path / "in" / "third.png").write_bytes(picture())
    until((tmp_path / "out" / "third.png").is_file)
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=30)
    assert said.count("1 sub-folder passed over (in/deep): -r looks into it, too") == 1
    assert not (tmp_path / "out" / "deep").exists()
    assert "2 done" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("one.png", "-o", "out/"), "takes folders"),
        (("in/",), "a folder for the results"),
        (("in/", "-o", "in/out/"), "would lie in in, which is watched"),
        (("in/", "-o", "out/", "--dry-run"), "--dry-run exclude each other"),
    ],
)
def test_what_cannot_be_watched_is_said_at_once(
    aecli, tiny_denoiser: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "one.png").write_bytes(picture())
    refused = aecli("denoise", "--watch", *words)
    assert (refused.code, says in refused.err) == (2, True), refused.err


def test_without_the_extra_it_is_named(
    aecli, tiny_denoiser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    refused = aecli("denoise", "--watch", "in/", "-o", "out/", "-m", "tiny")
    assert refused.code == 2
    assert "pip install 'aecli[watch]'" in refused.err
