from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aecli.training.state import State

from .. import tiny

CONTEST = ("name=adversarial", "features=tiny", "critic=4", "grid=0", "graphics=0")
"""Of [objective]: two networks trained against each other."""


def launch(
    ranks: int, task: str, name: str, images: Path, home: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    settings = [word for s in (*tiny.SETTINGS, *more) for word in ("--set", s)]
    command = ["train", task, str(images), "--name", name, "--steps", "4", *settings]
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    return subprocess.run(
        [
            sys.executable,
            *launcher,
            "-m",
            "aecli",
            *command,
            "--device",
            "cpu",
            "--precision",
            "fp32",
        ],
        env={**os.environ, "AECLI_HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_two_ranks_match_one(images: Path, home: Path) -> None:
    done = [launch(n, "denoise", f"ranks{n}", images, home) for n in (1, 2)]
    assert [d.returncode for d in done] == [0, 0], done[1].stderr[-2000:]
    one, two = (State.load(home / "runs" / f"denoise-ranks{n}").module for n in (1, 2))
    assert all(torch.allclose(one[k], two[k], atol=2e-4) for k in one)
    assert (home / "models" / "denoise-ranks2.safetensors").is_file()
    assert done[1].stderr.count("trained ") == 1


@pytest.mark.usefixtures("tiny_denoiser")
def test_two_ranks_with_a_critic_match_one(images: Path, home: Path) -> None:
    settings = [f"objective.{setting}" for setting in CONTEST]
    done = [launch(n, "upscale", f"ranks{n}-x2", images, home, *settings) for n in (1, 2)]
    assert [d.returncode for d in done] == [0, 0], done[1].stderr[-2000:]
    one, two = (State.load(home / "runs" / f"upscale-ranks{n}-x2") for n in (1, 2))
    assert one.opponent and two.opponent
    assert all(torch.allclose(one.module[k], two.module[k], atol=2e-4) for k in one.module)
    assert all(torch.allclose(one.opponent[k], two.opponent[k], atol=2e-4) for k in one.opponent)
