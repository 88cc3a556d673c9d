"""How a training run is shown: a live view on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from aecli.cli import console
from aecli.training.observer import Unwatched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from rich.live import Live

    from aecli.training.observer import Progress

EVERY = 15.0
"""Seconds between two plain lines."""


class Silent(Unwatched):
    """Only warnings."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def warn(self, message: str) -> None:
        """One line."""
        console.warning(message)


class Lines(Silent):
    """One line now and then, and one a validation."""

    def __init__(self) -> None:
        self._next = 0.0

    def stepped(self, progress: Progress) -> None:
        """A line, if the last one is some time ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            console.say(
                f"step {progress.step} ({progress.fraction:.1%}) {_losses(progress)}"
                f" lr {progress.lr:.1e} {_speed(progress)}"
                f" {_clock(_remaining(progress))} left"
            )

    def validated(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """A line."""
        console.say(f"step {progress.step} validation: {_metrics(metrics)}{' (best)' * best}")

    def note(self, message: str) -> None:
        """A line."""
        console.say(message)


class LiveView(Lines):
    """A bar above the figures of the moment, and one line a validation above both."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._scores: Mapping[str, float] = {}
        self._warning = ""

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(console=console.stderr(), refresh_per_second=4, transient=True)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def stepped(self, progress: Progress) -> None:
        """Redraw."""
        if self._live is not None:
            self._live.update(_panel(progress, self._scores, self._warning))

    def validated(self, progress: Progress, metrics: Mapping[str, float], best: bool) -> None:
        """A line; the primary figure stays in view."""
        super().validated(progress, metrics, best)
        self._scores = metrics

    def warn(self, message: str) -> None:
        """A line; it stays in view, too."""
        super().warn(message)
        self._warning = message


def _panel(progress: Progress, scores: Mapping[str, float], warning: str) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        f"step {progress.step}",
        ProgressBar(total=1.0, completed=progress.fraction, width=30),
        f"{progress.fraction:.1%}",
        f"{_clock(progress.seconds)} < {_clock(_remaining(progress))}",
    )
    figures = [
        _speed(progress),
        _losses(progress),
        *(f"{name} {value:.2f}" for name, value in list(scores.items())[:1]),
        f"lr {progress.lr:.1e}",
    ]
    lines = [Text("  ".join(figures), no_wrap=True, overflow="ellipsis")]
    if warning:
        lines.append(Text(warning, "bold yellow", no_wrap=True, overflow="ellipsis"))
    return Group(bar, *lines)


def _speed(progress: Progress) -> str:
    speed = f"{progress.images_per_second:.1f} images/s {progress.pixels_per_second / 1e6:.2f} MP/s"
    return f"{speed} {progress.waited:.0%} waited"


def _remaining(progress: Progress) -> float:
    return progress.seconds * (1 - progress.fraction) / max(progress.fraction, 1e-6)


def _losses(progress: Progress) -> str:
    return " ".join(f"{name} {value:.5f}" for name, value in progress.losses.items())


def _metrics(metrics: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in metrics.items())


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
