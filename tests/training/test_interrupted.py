"""Runs that are killed, and disks that are full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from aecli.errors import AecliError
from aecli.training.state import FILE, State

from .. import tiny

STEPS = 100
SETTINGS = (*tiny.SETTINGS, "run.validate_every=25", "run.save_every=0.1")
ROOT = Path(__file__).resolve().parents[2]


def killed(images: Path, home: Path, *arguments: str, after: float) -> None:
    """A run in a process of its own, killed some time after it has saved its state anew."""
    settings = [word for s in SETTINGS for word in ("--set", s)]
    command = ["train", "denoise", str(images), "--name", "parts", "--steps", str(STEPS), "-q"]
    state = home / "runs" / "denoise-parts" / FILE
    before = state.stat().st_mtime_ns if state.exists() else 0
    process = subprocess.Popen(
        [sys.executable, "-m", "aecli", *command, "--device", "cpu", *settings, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    end = time.monotonic() + 120
    while not state.exists() or state.stat().st_mtime_ns == before:
        assert process.poll() is None, "it has ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)
    time.sleep(after)
    process.kill()
    process.wait()


def test_a_killed_run_goes_on_to_the_same_weights(train: Any, images: Path, home: Path) -> None:
    chance = np.random.default_rng(4)
    whole, _ = train("whole", *SETTINGS, steps=STEPS)
    killed(images, home, after=chance.uniform(0, 0.3))
    killed(images, home, "--resume", after=chance.uniform(0, 0.3))
    folder = home / "runs" / "denoise-parts"
    assert State.load(folder).step < STEPS
    (folder / f".{FILE}.1.part").write_bytes(b"half")
    parts, _ = train("parts", *SETTINGS, resume=True)
    a, b = (State.load(run.folder) for run in (whole, parts))
    assert all(torch.equal(a.module[k], b.module[k]) for k in a.module)
    first, second = (load_file(run.model) for run in (whole, parts))
    assert all(torch.equal(first[k], second[k]) for k in first)
    logs = [(run.folder / "metrics.csv").read_text().splitlines() for run in (whole, parts)]
    assert [line.split(",")[0] for line in logs[0]] == [line.split(",")[0] for line in logs[1]]
    assert not list(folder.glob(".*.part"))


def test_a_full_disk_is_said_and_the_last_state_kept(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, _ = train("mine", steps=4)
    before = (trained.folder / FILE).read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AecliError, match="No space left on device") as caught:
        train("mine", steps=8, resume=True)
    assert str(trained.folder) in caught.value.message
    assert "kept" in (caught.value.hint or "")
    monkeypatch.undo()
    assert (trained.folder / FILE).read_bytes() == before
    assert State.load(trained.folder).step == 4
