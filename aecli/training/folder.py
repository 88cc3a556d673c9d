"""The run folder: what is in it, and making room for a run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from aecli.errors import UsageError
from aecli.files.atomic import atomic
from aecli.training.state import FILE as STATE

if TYPE_CHECKING:
    from pathlib import Path

BEST, LAST = "best.safetensors", "last.safetensors"
"""The averaged weights as models: with the best validation so far, and the latest."""

RECIPE, METRICS = "recipe.toml", "metrics.csv"
PICTURES, SAMPLES, CURVE = "validation.png", "samples.png", "curve.png"
EVENTS = "events.out.tfevents.*"
"""As TensorBoard names its files."""


def of_stage(folder: Path, number: int) -> Path:
    """Where stage `number`, from 0, keeps the same: the run folder itself, or one in it."""
    return folder / f"stage-{number + 1}" if number else folder


def prepare(folder: Path, *, afresh: bool) -> None:
    """Make the folder, and clear it of what an earlier run has left there.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(".*.part"):  # what a killed run was writing
            part.unlink()
        if afresh:
            for stage in (folder, *folder.glob("stage-*")):
                for name in (STATE, BEST, LAST, METRICS, PICTURES, SAMPLES, CURVE, EVENTS):
                    for part in stage.glob(name):
                        part.unlink()
    except OSError as error:
        raise UsageError(f"cannot use the run folder {folder}: {error.strerror}") from None


def copy(source: Path, target: Path) -> None:
    """Copy a file; one that is there is replaced only once the new one is complete.

    Raises:
        InputError: it cannot be written.
    """
    with atomic(target, overwrite=True) as file, source.open("rb") as content:
        shutil.copyfileobj(content, file)
