"""What a run has done: its steps, its time, and how well both were used."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch

from aecli.training.observer import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from aecli.training.plan import Plan


class Meter:
    """Counts from where a run begins or goes on.

    Args:
        plan: the run.
        step: optimiser steps done before.
        seconds: time spent before.

    Attributes:
        step: optimiser steps done.
        validating: seconds spent on validation.
        waited: seconds spent waiting for batches.
    """

    def __init__(self, plan: Plan, step: int, seconds: float) -> None:
        self._plan = plan
        self.step = self._first = step
        self._before = seconds
        self._began = time.monotonic()
        self.validating = self.waited = 0.0
        self._pixels = 0
        self._terms: dict[str, Tensor] = {}
        self._summed = 0
        self._told: dict[str, float] = {}
        self._told_steps = 0
        self._bad_step = torch.full((), math.inf, device=plan.runtime.device)

    def seconds(self) -> float:
        """Time spent, over all sessions of the run."""
        return self._before + time.monotonic() - self._began

    def fraction(self) -> float:
        """Share of the run that is done; 1 or more at its end."""
        if self._plan.seconds is not None:
            return self.seconds() / self._plan.seconds
        return self.step / self._plan.recipe.run.steps

    def count(self, batch: Mapping[str, Tensor], losses: Mapping[str, Tensor]) -> None:
        """Take in a step: its batch, and the terms of its loss.

        Nothing here waits for the device.
        """
        self._pixels = max((t[:, 0].numel() for t in batch.values() if t.ndim == 4), default=0)
        self._terms = {k: self._terms.get(k, 0) + v for k, v in losses.items()}
        self._summed += 1
        self.step += 1

    def watch(self, finite: Tensor) -> None:
        """Take in whether all is finite in the step that is being done."""
        bad = torch.where(finite, math.inf, float(self.step))
        self._bad_step = torch.minimum(self._bad_step, bad)

    def bad_step(self) -> float:
        """The first step whose loss or gradient was not finite, infinity without any.

        It waits for the device.
        """
        return float(self._bad_step)

    def progress(self, lr: float) -> Progress:
        """Where the run stands, to show it; `lr` is that of the last step."""
        busy = max(time.monotonic() - self._began - self.validating, 1e-6)
        steps = self.step - self._first
        return Progress(
            step=self.step,
            fraction=min(self.fraction(), 1.0),
            seconds=self.seconds(),
            losses={k: float(v) / max(self._summed, 1) for k, v in self._terms.items()},
            images_per_second=steps * self._plan.recipe.data.batch / busy,
            pixels_per_second=steps * self._pixels * self._plan.ranks.size / busy,
            waited=min(self.waited / busy, 1.0),
            lr=lr,
        )

    def recent(self) -> dict[str, float]:
        """The terms of the loss, averaged over the steps since the last call; empty without any.

        It waits for the device.
        """
        steps, sums = self._summed - self._told_steps, {k: float(v) for k, v in self._terms.items()}
        before = self._told
        self._told, self._told_steps = sums, self._summed
        return {k: (v - before.get(k, 0)) / steps for k, v in sums.items()} if steps else {}

    def forget_losses(self) -> None:
        """Begin a new average of the loss."""
        self._terms, self._summed = {}, 0
        self._told, self._told_steps = {}, 0
