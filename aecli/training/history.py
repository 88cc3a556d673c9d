"""The course of a run, on disk: figures, curves and pictures, of all its sessions."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from aecli.errors import TrainingError
from aecli.files.atomic import atomic
from aecli.images import writing
from aecli.images.image import Image
from aecli.training.curve import Curve
from aecli.training.events import Events
from aecli.training.folder import CURVE, METRICS, PICTURES, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aecli.training.objectives.base import Score
    from aecli.training.observer import Progress

_LOSS = "loss_"
"""What the names of columns begin with that hold terms of the loss."""


class History:
    """`metrics.csv`, `curve.png`, `validation.png`, `samples.png`, and a log where one is wanted.

    Args:
        folder: of the run.
        step: where the run begins or goes on: what was told of later steps is dropped.
        primary: the figure that chooses the best weights.
        log: one of `aecli.training.request.LOGS`, or None.

    Raises:
        TrainingError: `metrics.csv` of a run that goes on is damaged.
    """

    def __init__(self, folder: Path, step: int, primary: str, log: str | None = None) -> None:
        self._folder = folder
        self._table = Table(folder / METRICS, step)
        self._curve = Curve(folder / CURVE, primary)
        for done, losses, figures in self._table.figures():
            self._curve.trained(done, _with_total(losses))
            self._curve.validated(done, figures)
        self._events = Events(folder, step) if log == "tensorboard" else None

    def trained(self, step: int, losses: Mapping[str, float]) -> None:
        """Take in the terms of the loss, averaged over some steps up to `step`; none are none."""
        terms = _with_total(losses)
        self._curve.trained(step, terms)
        if self._events is not None:
            self._events.figures(step, {f"loss/{name}": value for name, value in terms.items()})

    def show(self, step: int, score: Score) -> None:
        """Draw a validation's figures and pictures."""
        self._curve.validated(step, score.metrics)
        self._curve.draw()
        for name, rows in ((PICTURES, score.rows), (SAMPLES, score.samples)):
            if rows:
                sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
                png = io.BytesIO()
                writing.write(Image(sheet), png, "PNG")
                with atomic(self._folder / name, overwrite=True) as file:
                    file.write(png.getbuffer())
                if self._events is not None:
                    stem, size = name.removesuffix(".png"), sheet.shape[:2]
                    self._events.picture(step, stem, png.getvalue(), size)

    def validated(self, progress: Progress, metrics: Mapping[str, float]) -> None:
        """Take in a validation's figures, and where the run stands after it."""
        state = {
            "lr": progress.lr,
            "pixels_per_second": progress.pixels_per_second,
            "waited": progress.waited,
        }
        self._table.add(progress, state, metrics)
        if self._events is not None:
            held_out = {f"validation/{name}": value for name, value in metrics.items()}
            self._events.figures(progress.step, {**held_out, **state})

    def close(self) -> None:
        """Write what is left to write."""
        if self._events is not None:
            self._events.close()


def _with_total(losses: Mapping[str, float]) -> Mapping[str, float]:
    """The terms of a loss, and their sum where there are several."""
    return {"total": sum(losses.values()), **losses} if len(losses) > 1 else losses


class Table:
    """`metrics.csv`: one row a validation; on resuming, rows after the saved step are dropped.

    Raises:
        TrainingError: the file holds something else.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._rows: list[dict[str, str]] = []
        if step and path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                try:
                    self._rows = [r for r in csv.DictReader(file) if int(r["step"]) <= step]
                    list(self.figures())
                except (ValueError, KeyError, TypeError, csv.Error):
                    raise TrainingError(
                        f"{path} is damaged", "without it the run goes on, its curve begins anew"
                    ) from None

    def figures(self) -> Iterator[tuple[int, dict[str, float], dict[str, float]]]:
        """Of each row the step, the terms of the loss, and all its figures."""
        for row in self._rows:
            known = {name: float(text) for name, text in row.items() if text}
            terms = {n.removeprefix(_LOSS): v for n, v in known.items() if n.startswith(_LOSS)}
            yield int(row["step"]), terms, known

    def add(
        self, progress: Progress, state: Mapping[str, float], metrics: Mapping[str, float]
    ) -> None:
        """Add a row."""
        values = {
            "step": progress.step,
            "seconds": round(progress.seconds, 1),
            **state,
            **{f"{_LOSS}{name}": value for name, value in progress.losses.items()},
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
