"""Validation keeps to its share of a run."""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from aecli.checkpoints import format as checkpoints
from aecli.training import validation
from aecli.training.objectives.base import Score
from aecli.training.objectives.denoise import Denoise


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each validation has seen; each of them takes 0.1 seconds."""
    counts: list[int] = []

    def slow(self: Any, module: Any, held_out: Any, device: Any) -> Score:
        counts.append(len(held_out))
        time.sleep(0.1 * len(held_out))
        return Score({"psnr": 1.0})

    monkeypatch.setattr(Denoise, "validate", slow)
    return counts


def test_a_timed_run_looks_at_as_many_images_as_its_share_allows(
    train: Any, looked_at: list[int]
) -> None:
    settings = ("data.val_limit=6", "data.holdout=0", "run.validate_share=0.3")
    began = time.monotonic()
    trained, _ = train("mine", *settings, seconds=1.0)
    assert trained.finished
    assert looked_at[:1] == [1], "one is tried"
    assert looked_at[-1] in (2, 3), "0.3 s is what it may take, 0.6 s all of them would"
    assert time.monotonic() - began < 20


def test_a_run_of_steps_validates_less_often_where_that_is_too_slow(
    train: Any, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "FREE", 0.3)
    settings = ("run.validate_every=1", "data.val_limit=1", "run.validate_share=0.0")
    _, recorder = train("mine", *settings, steps=12)
    seen = [step for step, _ in recorder.validations]
    assert 2 <= len(seen) <= 4, "two or three in its 0.3 s, and the last one"
    assert seen[-1] == 12
    monkeypatch.setattr(validation, "FREE", 60.0)
    _, recorder = train("other", "run.validate_every=4", "data.val_limit=1", steps=12)
    assert [step for step, _ in recorder.validations] == [4, 8, 12]


def test_a_timed_run_looks_at_the_same_images_to_its_end_and_says_how_many(
    train: Any, looked_at: list[int]
) -> None:
    settings = ("data.val_limit=6", "data.holdout=0", "run.validate_share=0.3")
    trained, _ = train("mine", *settings, seconds=0.8)
    seen = looked_at[-1]
    assert checkpoints.read_meta(trained.model).training["validated"] == seen
    looked_at.clear()
    train("mine", *settings, seconds=3.0, resume=True)  # its share would allow more of them
    assert set(looked_at) == {seen}


def test_a_level_is_asked_for_as_in_use() -> None:
    class Level:
        def estimate_sigma(self, x: torch.Tensor) -> torch.Tensor:
            assert x.dtype == torch.float32
            return x.flatten(1).sum(1)

        def restore(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            levels.append(sigma.flatten())
            return x

    levels: list[torch.Tensor] = []
    picture = np.zeros((192, 192, 3), np.uint8)
    picture[:32] = picture[:, 160:] = 255  # outside the square of 128 pixels within
    task = Denoise({"val_sigmas": [1e-3]}, "l1")
    task.validate(cast("nn.Module", Level()), [picture], torch.device("cpu"))
    assert torch.equal(torch.cat(levels), torch.zeros(2))
