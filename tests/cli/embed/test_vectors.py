"""`aecli embed` from pictures to files of vectors."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

from aecli.cli import console
from aecli.inference import vectors as npz

from .spots import ALL, spot

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def test_folders_become_vectors(embed) -> None:
    result = embed("in", "-o", "z.npz")
    assert result.code == 0
    assert result.out == b""
    assert " on cpu" not in result.err  # which was asked for
    assert "4 embedded; 4 vectors -> z.npz" in result.err
    with np.load("z.npz", allow_pickle=False) as arrays:
        assert arrays["paths"].tolist() == ALL
        assert np.allclose(arrays["vectors"][0], [2, 0, 0], atol=0.1)
        assert np.isnan(arrays["novelty"]).all()


def test_what_cannot_be_read_is_left_out(embed) -> None:
    Path("in/a/1.png").write_bytes(b"no image")
    result = embed("in", "-o", "z.npz", "--json")
    assert result.code == 1
    assert "error: in/a/1.png: is no image" in result.err
    assert [r["status"] for r in result.records] == ["failed", "done", "done", "done"]
    facts = {"novelty": None, "engine": "torch"}
    assert result.records[1] == {"source": "in/a/2.png", "status": "done", **facts}
    loaded = npz.load(Path("z.npz"))
    assert loaded.paths.tolist() == ALL[1:]
    assert np.allclose(loaded.values[0], [2, 0.5, 0], atol=0.1)


def test_nothing_that_can_be_read(embed) -> None:
    Path("bad.png").write_bytes(b"no image")
    result = embed("bad.png", "-o", "z.npz")
    assert result.code == 1
    assert "no picture could be embedded" in result.err
    assert not Path("z.npz").exists()


def test_updates_embed_only_what_is_new_or_changed(embed) -> None:
    embed("in", "-o", "z.npz")
    spot(-1, -1).save("in/a/2.png")
    spot(-2, 0).save("in/a/0.png")
    Path("in/b/deep/3.png").unlink()
    result = embed("in", "-o", "z.npz", "--update", "--json")
    assert result.code == 0
    assert [(r["source"], r["status"]) for r in result.records] == [
        ("in/a/0.png", "done"),
        ("in/a/1.png", "known"),
        ("in/a/2.png", "done"),
        ("in/b/deep/4.png", "known"),
    ]
    assert "2 embedded, 2 known; 5 vectors" in result.err
    loaded = npz.load(Path("z.npz"))
    assert loaded.paths.tolist() == [*ALL, "in/a/0.png"]
    assert np.allclose(loaded.values[1], [-1, -1, 0], atol=0.1)
    assert np.allclose(loaded.values[4], [-2, 0, 0], atol=0.2)


def test_an_update_may_be_the_first(embed) -> None:
    assert embed("in", "-o", "z.npz", "--update").code == 0
    assert len(npz.load(Path("z.npz"))) == 4


def test_updates_refuse_another_model(embed) -> None:
    embed("in", "-o", "z.npz")
    result = embed("in", "-o", "z.npz", "--update", "-m", "other")
    assert result.code == 2
    assert "z.npz was made by photo" in result.err
    embed("in", "-o", "o.npz", "-m", "other")
    result = embed("in", "-o", "o.npz", "--update")
    assert result.code == 0, result.err
    assert "0 embedded, 4 known; 4 vectors -> o.npz" in result.err


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_vectors_as_text_on_standard_output(embed, form: str) -> None:
    result = embed("in", "-o", "-", "-f", form)
    assert result.code == 0
    assert len(result.lines) == 4 + (form == "csv")
    assert all(path in line for path, line in zip(ALL, result.lines[-4:], strict=True))
    assert embed("in", "-o", f"z.{form}").code == 0
    assert Path(f"z.{form}").read_bytes() == result.out


def test_other_files(embed, monkeypatch) -> None:
    assert embed("in", "-o", "z.npy").code == 0
    assert np.load("z.npy").shape == (4, 3)
    assert Path("z.paths.txt").read_text().splitlines()[1:] == ALL
    result = embed("in", "-o", "-", "-f", "npz")
    with np.load(io.BytesIO(result.out)) as arrays:
        assert arrays["paths"].tolist() == ALL
    monkeypatch.setattr(console, "stdout_is_terminal", lambda: True)
    assert embed("in", "-o", "-", "-f", "npz").code == 2


def test_standard_input_and_lists(embed) -> None:
    buffer = io.BytesIO()
    spot(1, 1).save(buffer, "PNG")
    assert embed("-", "-o", "z.npz", stdin=buffer.getvalue()).code == 0
    assert npz.load(Path("z.npz")).paths.tolist() == ["-"]
    names = "\0".join(ALL[:2]).encode()
    assert embed("--files-from", "-", "-0", "-o", "y.npz", stdin=names).code == 0
    assert npz.load(Path("y.npz")).paths.tolist() == ALL[:2]


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_names_of_any_bytes(embed) -> None:
    name = os.fsdecode(b"in/a/\xff.png")
    spot(2, 0).save(name)
    assert embed("in", "-o", "z.npz", "--plot", "m.html").code == 0
    assert name in npz.load(Path("z.npz")).paths.tolist()
    result = embed("--index", "z.npz", "--duplicates", "--threshold", 1, "-0")
    assert result.out in (b"in/a/\xff.png\0", b"in/a/1.png\0")
    assert embed("--index", "z.npz", "--duplicates").code == 0


def test_the_help_page_loads_nothing_heavy(python) -> None:
    heavy = ("torch", "numpy", "PIL", "rich", "safetensors", "imagecodecs")
    script = f"""
import sys
from aecli.cli.app import run
try: run(["embed", "--help"])
except SystemExit: pass
print([m for m in {heavy} if m in sys.modules])
"""
    done = python("-c", script)
    assert done.stdout.decode().splitlines()[-1] == "[]"
