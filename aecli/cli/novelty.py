"""The one line that warns of pictures unlike those a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED = 3


def warn(names: Sequence[str], model: str, percentile: float) -> None:
    """Name the first of them; nothing without any."""
    if names:
        first = ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
        what = "1 picture is" if len(names) == 1 else f"{len(names)} pictures are"
        console.warning(
            f"{what} unlike what {model} was trained on, novelty above the {percentile:.0f}th"
            f" percentile: {first}"
        )
