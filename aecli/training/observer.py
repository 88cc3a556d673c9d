"""What a run shows while it goes on: its progress, its history on disk, its validation pictures."""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from aecli.files.atomic import atomic
from aecli.images import writing
from aecli.images.image import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aecli.training.objectives.base import Picture

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


def save_rows(path: Path, rows: Sequence[Sequence[Picture]]) -> None:
    """Rows of pictures of one size, as one PNG; nothing without any."""
    if rows:
        sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
        with atomic(path, overwrite=True) as file:
            writing.write(Image(sheet), file, "PNG")


class Log:
    """`metrics.csv`: one row a validation; on resuming, rows after the saved step are dropped."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._rows: list[dict[str, str]] = []
        if step and path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                self._rows = [r for r in csv.DictReader(file) if int(r["step"]) <= step]

    def write(self, progress: Progress, metrics: Mapping[str, float]) -> None:
        """Add a row."""
        values = {
            "step": progress.step,
            "seconds": round(progress.seconds, 1),
            "lr": progress.lr,
            "pixels_per_second": progress.pixels_per_second,
            "waited": progress.waited,
            **{f"loss_{k}": v for k, v in progress.losses.items()},
            **metrics,
        }
        self._rows.append(
            {k: f"{v:.6g}" if isinstance(v, float) else str(v) for k, v in values.items()}
        )
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(self._rows[-1]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self._rows)
        with atomic(self._path, overwrite=True) as file:
            file.write(text.getvalue().encode())
