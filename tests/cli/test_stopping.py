"""Ctrl-C and SIGTERM, in processes of their own: at once, and with what is done and left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

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
    running = Running(tmp_path, "-m", "aecli", "denoise", *arguments)
    until(tmp_path / "out/a.png")
    found, out, err, seconds = running.stop(number)
    assert found == code
    assert seconds < 5  # two, and what a busy machine adds
    assert [json.loads(line)["source"] for line in out.splitlines()] == ["a.png"]
    assert "interrupted: 1 done, 2 left" in err
    assert "--skip-existing goes on" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.png"]


def test_an_interrupted_embedding_says_how_far_it_came(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    save(tmp_path / "a.png")
    arguments = ("a.png", "pipe.png", "-o", "z.npz", "-m", "mnist")
    running = Running(tmp_path, "-m", "aecli", "embed", *arguments)
    line = running.process.stderr.readline()
    assert "mnist on" in line
    code, _, err, seconds = running.stop(signal.SIGINT)
    assert code == 130
    assert seconds < 5
    assert "2 left; nothing was written" in err
    assert not (tmp_path / "z.npz").exists()


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
    running = Running(tmp_path, "-c", program)
    until(tmp_path / "begun")
    code, _, err, seconds = running.stop(signal.SIGTERM)
    assert (code, err) == (143, "aecli: told\n")
    assert seconds < 5
    assert [p.name for p in tmp_path.iterdir()] == ["begun"]
