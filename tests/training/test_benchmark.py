"""The benchmark of training runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks import training

from .. import tiny


def test_it_makes_a_table(
    images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--recipe", "denoise/gaussian", "--steps", "1", "--precision", "fp32", "--set"]
    settings = [*tiny.SETTINGS, "model.architecture=unet", "model.widths=[16,24]"]
    settings += ["model.blocks=[1,1]", "objective.graphics=0", "data.batch=128", "data.crop=16"]
    settings = [s for s in settings if "preset" not in s]
    monkeypatch.setattr(sys, "argv", ["training", str(images), *few, *settings])
    training.main()
    heading, _, row = capsys.readouterr().out.splitlines()
    assert heading.count("|") == row.count("|")
    assert row.startswith("| denoise/gaussian | fp32 on cpu, 1 threads |")
    real, plain = (float(cell) for cell in row.split("|")[3:5])
    assert real > 0
    assert plain > 0
