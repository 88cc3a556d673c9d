"""The course of a run as TensorBoard shows it: event files, an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aecli.extras import TENSORBOARD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aecli.training.objectives.base import Picture


def require() -> None:
    """See that what writes them is there.

    Raises:
        UsageError: it is not installed.
    """
    TENSORBOARD.load("a log for TensorBoard")


class Events:
    """An event file of a session of a run, beside those of the sessions before.

    Args:
        folder: of the run.
        step: where the session begins: TensorBoard forgets what was told of later steps.

    Raises:
        UsageError: what writes them is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        require()
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(folder, purge_step=step + 1 if step else None)

    def figures(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to the curve of each name; those of one prefix (`loss/`) stand together."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, picture: Picture) -> None:
        """Add a picture, HxW or HxWx3."""
        layout = "HW" if picture.ndim == 2 else "HWC"
        self._writer.add_image(name, picture, step, dataformats=layout)

    def close(self) -> None:
        """Write what is left to write."""
        self._writer.close()
