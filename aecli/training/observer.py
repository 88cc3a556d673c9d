"""What a run tells those who watch it: its progress, its validations, what is worth a line."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("aecli")


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: optimiser steps done.
        fraction: share of the run that is done, 0 to 1.
        seconds: time spent, over all sessions of the run.
        losses: terms of the loss, averaged since the last validation.
        images_per_second: crops a second in this session, validation aside.
        pixels_per_second: pixels a second, likewise, of the largest pictures of its batches.
        waited: share of that time in which the network waited for a batch, 0 to 1.
        lr: learning rate of the last step.
    """

    step: int
    fraction: float
    seconds: float
    losses: Mapping[str, float]
    images_per_second: float
    pixels_per_second: float
    waited: float
    lr: float


class Observer(Protocol):
    """Who watches a run: the command line draws it, tests and the Python API may stay silent."""

    def stepped(self, progress: Progress) -> None:
        """A step was done."""

    def validated(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """A validation was done; `best` where its weights are the best so far."""

    def note(self, message: str) -> None:
        """Something worth one line."""

    def warn(self, message: str) -> None:
        """Something that the user should know although the run goes on."""


class Unwatched:
    """The observer of a run that nobody watches."""

    def stepped(self, progress: Progress) -> None:
        """Nothing."""

    def validated(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""

    def warn(self, message: str) -> None:
        """Nothing."""


class Logged(Unwatched):
    """Tells the logger `aecli`."""

    def validated(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """A validation's figures."""
        figures = " ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        _log.info("step %d: %s%s", progress.step, figures, " (best)" if best else "")

    def note(self, message: str) -> None:
        """Something worth one line."""
        _log.info("%s", message)

    def warn(self, message: str) -> None:
        """Something that the user should know although the run goes on."""
        _log.warning("%s", message)
