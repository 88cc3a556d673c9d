"""`aecli denoise` in a pipeline and at a terminal: what it reads, says, and leaves behind."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import traceback
from pathlib import Path

import pytest
from PIL import Image

import aecli
from aecli.cli import console

from ..pictures import names
from .pictures import save


def test_stdin_to_stdout_gives_the_same_bytes_as_a_file(denoise, photo, tmp_path) -> None:
    piped = denoise("-", stdin=photo.read_bytes())
    assert piped.code == 0
    denoise(photo, "-o", "file.png")
    assert piped.out == (tmp_path / "file.png").read_bytes()
    assert denoise(photo, "-o", "-", "-f", "jpg").out[:3] == b"\xff\xd8\xff"


def test_messages_call_the_standard_streams_by_name(denoise, photo) -> None:
    bad = denoise("-", stdin=b"rubbish")
    assert bad.code == 1
    assert "aecli: error: standard input: is no image" in bad.err
    good = denoise("-", stdin=photo.read_bytes())
    assert "aecli: standard input -> standard output (" in good.err


def test_a_list_of_files_may_come_from_stdin(denoise, tmp_path) -> None:
    save(tmp_path / "a b.png")
    save(tmp_path / "c.png")
    result = denoise("--files-from", "-", "-0", "-o", "out/", stdin=b"a b.png\0c.png\0")
    assert result.code == 0
    assert names(tmp_path / "out") == ["a b.png", "c.png"]


def test_json_has_one_object_for_every_file_and_nothing_else(denoise, tmp_path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"rubbish")
    save(tmp_path / "c.png")
    save(tmp_path / "out/c.png")
    result = denoise("a.png", "b.png", "c.png", "-o", "out/", "--skip-existing", "--json")
    assert result.code == 1
    by_source = {r["source"]: r for r in result.records}
    done = by_source["a.png"]
    assert done.pop("seconds") >= 0
    assert 0 <= done.pop("sigma") <= 255
    assert done == {
        "source": "a.png",
        "target": "out/a.png",
        "status": "done",
        "width": 56,
        "height": 40,
        "model": "tiny",
        "engine": "ncnn",
    }
    assert by_source["b.png"]["status"] == "failed"
    assert "b.png" in by_source["b.png"]["error"]
    assert by_source["c.png"]["status"] == "skipped"


def test_quiet_is_silent_and_verbose_has_a_line_a_file(denoise, tmp_path) -> None:
    for name in "ab":
        save(tmp_path / f"in/{name}.png")
    assert denoise("in", "-o", "one/", "-q").err == ""
    lines = denoise("in", "-o", "two/", "-v").err.splitlines()
    assert [line.split(" -> ")[0] for line in lines[1:3]] == [
        "aecli: in/a.png",
        "aecli: in/b.png",
    ]
    assert lines[0].startswith("aecli: tiny on ")
    assert lines[3].startswith("aecli: 2 done in ")


def test_an_image_never_goes_to_a_terminal(denoise, photo, monkeypatch) -> None:
    monkeypatch.setattr(console, "stdout_is_terminal", lambda: True)
    result = denoise("-", stdin=photo.read_bytes())
    assert (result.code, result.out) == (2, b"")
    assert "not for the terminal" in result.err


def test_ctrl_c_keeps_what_is_finished(denoise, tmp_path, monkeypatch) -> None:
    from aecli.inference.restore import Restorer

    genuine, calls = Restorer.denoise, []

    def interrupted(self, image, **options):
        calls.append(image)
        if len(calls) == 2:
            deadline = time.monotonic() + 10
            while not (tmp_path / "out/a.png").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            raise KeyboardInterrupt
        return genuine(self, image, **options)

    monkeypatch.setattr(Restorer, "denoise", interrupted)
    for name in "abc":
        save(tmp_path / f"in/{name}.png")
    assert denoise("in", "-o", "out/").code == 130
    assert names(tmp_path / "out") == ["a.png"]


def test_bars_count_a_file_as_soon_as_it_is_written(denoise, tmp_path, monkeypatch) -> None:
    from aecli.inference.restore import Restorer

    genuine, counted, at_start = Restorer.denoise, [], []

    def denoise_later(self, image, **options):
        deadline = time.monotonic() + 10
        while len(counted) < len(at_start) and time.monotonic() < deadline:
            time.sleep(0.01)
        at_start.append(len(counted))
        return genuine(self, image, **options)

    monkeypatch.setattr(Restorer, "denoise", denoise_later)
    monkeypatch.setattr(console.Bars, "advance", lambda bars: counted.append(bars))
    for name in "abd":
        save(tmp_path / f"in/{name}.png")
    (tmp_path / "in/c.png").write_bytes(b"rubbish")
    assert denoise("in", "-o", "out/").code == 1
    assert at_start in ([0, 1, 2], [0, 1, 3])  # what cannot be read may have been told by then
    assert len(counted) == 4


def test_bars_show_on_a_terminal_only(denoise, photo, monkeypatch) -> None:
    from rich.console import Console

    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, highlight=False)
    monkeypatch.setattr(console, "stderr", lambda: terminal)
    monkeypatch.setattr(console, "colourful", lambda: True)
    monkeypatch.setattr(console.Bars, "LARGE", 1)
    assert denoise(photo, "--tile", "32").code == 0
    shown = terminal.file.getvalue()
    assert "images" in shown
    assert "photo_denoised.png" in shown


@pytest.mark.skipif(os.name == "nt", reason="named pipes are files on Unix only")
def test_a_named_pipe_is_read_once(denoise, photo, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for output in (["-o", tmp_path / "o.png"], []):
        writer = threading.Thread(
            target=(tmp_path / "pipe").write_bytes, args=(photo.read_bytes(),), daemon=True
        )
        writer.start()
        result = denoise(tmp_path / "pipe", *output)
        assert result.code == 0
        writer.join(10)
    assert (tmp_path / "o.png").read_bytes() == result.out  # without -o to standard output


def test_names_of_any_encoding_go_to_standard_output(python, tmp_path, tiny_denoiser) -> None:
    for name in ("é.png", "日本.png"):
        save(tmp_path / name)
    for options in (["--dry-run"], ["--json"]):
        arguments = ("-m", "aecli", "denoise", tmp_path, "-m", "tiny", *options)
        done = python(*arguments, env={"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"})
        assert done.returncode == 0, done.stderr
        assert b"bug in aecli" not in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["source"].endswith("é.png")


def test_lines_of_libraries_stay_away(python, tmp_path, tiny_denoiser) -> None:
    picture = Image.new("1", (30, 30))
    picture.save(tmp_path / "odd.tif", compression="group4", tiffinfo={65_000: "odd"})
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(60))
    done = python("-m", "aecli", "denoise", tmp_path, "-m", "tiny", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert all(line.startswith(b"aecli: ") for line in done.stderr.splitlines())


def test_keep_time_keeps_the_inputs_time(denoise, photo, tmp_path) -> None:
    os.utime(photo, (1_000_000_000, 1_100_000_000))
    assert denoise(photo, "-o", tmp_path / "kept.png", "--keep-time").code == 0
    assert denoise(photo, "-o", tmp_path / "new.png").code == 0
    assert (tmp_path / "kept.png").stat().st_mtime == 1_100_000_000
    assert (tmp_path / "new.png").stat().st_mtime > 1_600_000_000


def test_a_typed_option_reaches_the_network_in_few_steps_all_downhill(
    denoise, photo, monkeypatch
) -> None:
    from aecli.inference.engine_torch import TorchEngine

    package, found = Path(aecli.__file__).parent, []
    genuine = TorchEngine._call

    def spy(*arguments):
        files = [Path(frame.filename) for frame in traceback.extract_stack()]
        found[:] = [path.parent.name for path in files if package in path.parents]
        return genuine(*arguments)

    monkeypatch.setattr(TorchEngine, "_call", spy)
    arguments = ("--engine", "torch", "--device", "cpu", "--sigma", "20")
    assert denoise(photo, *arguments).code == 0
    below = found[found.index("restore") :]  # from the command on
    assert len(below) <= 9
    assert below == sorted(below, key=["restore", "inference"].index)
