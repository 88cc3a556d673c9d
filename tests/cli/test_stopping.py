"""Ctrl-C and SIGTERM, in processes of their own: at once, and with what is done and left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.inference import vector_formats
from aecli.inference.embed import BATCH

ROOT = Path(__file__).parents[2]

MOST = 2.0
"""Seconds in which a program ends."""

TRIES = 3
"""Other programs may hold one up: one of so many tries has to keep to the time."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")


class Running:
    """Python, started in a folder, to be stopped."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stop(self, number: int) -> tuple[int, str, str, float]:
        """Exit code, what it wrote to stdout and stderr, and how long it took to end."""
        started = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err, time.monotonic() - started


def stopped(
    folder: Path, number: int, arguments: tuple[object, ...], begun: Callable[[Running], None]
) -> tuple[int, str, str]:
    """What a program that is stopped once it has begun leaves: exit code, stdout, stderr."""
    before = {path.name for path in folder.iterdir()}
    for left in reversed(range(TRIES)):
        running = Running(folder, *arguments)
        begun(running)
        code, out, err, seconds = running.stop(number)
        if seconds < MOST:
            break
        assert left, f"it took {seconds:.1f} s to end"
        for path in folder.iterdir():
            if path.name not in before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return code, out, err


def until(there: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not there.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert there.exists()


def save(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_reader_that_does_not_come_back_holds_nothing(
    number, code, tiny_denoiser, tmp_path
) -> None:
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.png")  # nobody writes to it
    arguments = ("a.png", "pipe.png", "b.png", "-m", "tiny", "-o", "out/", "--json")
    save(tmp_path / "b.png")
    command = ("-m", "aecli", "denoise", *arguments)
    records = []

    def begun(running: Running) -> None:
        assert running.process.stdout is not None
        records[:] = [json.loads(running.process.stdout.readline())["source"]]

    found, out, err = stopped(tmp_path, number, command, begun)
    assert found == code
    assert (records, out) == (["a.png"], "")
    assert "interrupted: 1 done, 2 left" in err
    assert "--skip-existing goes on" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.png"]


@pytest.mark.parametrize("whole", [False, True])
def test_an_interrupted_embedding_keeps_what_is_done(whole: bool, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    if whole:
        (tmp_path / "z.npz").write_text("a whole file that is to be replaced")
    names = [f"{number}.png" for number in range(BATCH)]  # what is read together
    for name in names:
        save(tmp_path / name)
    arguments = (*names, "pipe.png", "-o", "z.npz", "-m", "mnist", "--json", "--overwrite")

    def begun(running: Running) -> None:
        for name in names:
            assert name in running.process.stdout.readline()

    code, _, err = stopped(tmp_path, signal.SIGINT, ("-m", "aecli", "embed", *arguments), begun)
    assert code == 130
    if whole:
        assert f"{BATCH} embedded, 1 left; nothing was written" in err
        assert (tmp_path / "z.npz").read_text() == "a whole file that is to be replaced"
    else:
        assert f"{BATCH} embedded, 1 left; what is done -> z.npz" in err
        assert "with --update goes on" in err
        assert [*vector_formats.read(tmp_path / "z.npz").paths] == names


def test_whatever_is_interrupted_says_so(tmp_path) -> None:
    os.mkfifo(tmp_path / "list")
    held = []

    def begun(running: Running) -> None:
        while running.process.poll() is None:
            try:
                held.append(os.open(tmp_path / "list", os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # nobody reads it yet
                time.sleep(0.02)
            else:
                return

    try:
        command = ("-m", "aecli", "denoise", "--files-from", "list", "-o", "out/")
        code, out, err = stopped(tmp_path, signal.SIGTERM, command, begun)
    finally:
        for number in held:
            os.close(number)
    assert (code, out, err) == (143, "", "aecli: interrupted\n")


def test_a_main_thread_that_does_not_come_back_holds_nothing(tmp_path) -> None:
    program = """
import time
from pathlib import Path
from aecli import __main__ as program
from aecli.cli import console, stopping
from aecli.files.atomic import atomic

def run(arguments):
    told = stopping.telling(lambda: console.say("told"))
    with told, atomic(Path("x"), overwrite=True):
        Path("begun").touch()
        while True:  # as in a library that does not come back
            try:
                time.sleep(60)
            except SystemExit:
                pass

program.run = run
program.main()
"""
    begun = tmp_path / "begun"
    code, _, err = stopped(tmp_path, signal.SIGTERM, ("-c", program), lambda _: until(begun))
    assert (code, err) == (143, "aecli: told\n")
    assert [p.name for p in tmp_path.iterdir()] == ["begun"]
