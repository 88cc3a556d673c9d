"""The course of a run's losses and scores, drawn into its folder while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.figures.curves import curves
from aecli.files.atomic import atomic
from aecli.images import writing
from aecli.images.image import Image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Course = list[tuple[float, float]]

MOST = 400
"""Points of a line; of more, neighbours are averaged."""


class Curve:
    """What `curve.png` shows of a run.

    Args:
        path: of the picture.
        primary: the figure that chooses the best weights.
    """

    def __init__(self, path: Path, primary: str) -> None:
        self._path, self._primary = path, primary
        self._losses: dict[str, Course] = {}
        self._held_out: dict[str, Course] = {}
        self._score: Course = []

    def trained(self, step: int, losses: Mapping[str, float]) -> None:
        """Take in the terms of the loss, averaged over some steps up to `step`."""
        for name, value in losses.items():
            course = self._losses.setdefault(name, [])
            course.append((step, value))
            if len(course) > MOST:
                self._losses[name] = _halved(course)

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take in a validation's figures."""
        for name in (name for name in self._losses if name in metrics):
            self._held_out.setdefault(name, []).append((step, metrics[name]))
        if self._primary in metrics:
            self._score.append((step, metrics[self._primary]))

    def draw(self) -> None:
        """Write the picture."""
        picture = curves(self._losses, self._held_out, (self._primary, self._score))
        with atomic(self._path, overwrite=True) as file:
            writing.write(Image(picture), file, "PNG")


def _halved(course: Course) -> Course:
    """Each two neighbours as one, in their middle."""
    pairs = zip(course[::2], course[1::2], strict=False)
    return [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in pairs]
