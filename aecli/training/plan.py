"""What the engine is called with: a stage of a run, planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aecli.training.distributed import Ranks

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from aecli.checkpoints.format import Model
    from aecli.device import Runtime
    from aecli.training.config import Recipe
    from aecli.training.data import Source
    from aecli.training.objectives.base import HeldOut
    from aecli.training.state import State


@dataclass(frozen=True)
class Opened:
    """The images of a stage, for later ones that would open the same.

    Attributes:
        key: what they depend on (`Objective.opening`).
        source, held_out: see `Session`.
        validated: how many of those held out are looked at, 0 where that is not settled yet.
    """

    key: Hashable
    source: Source
    held_out: HeldOut
    validated: int = 0


@dataclass(frozen=True)
class Plan:
    """One call of the engine.

    Attributes:
        recipe: what to do: that of this stage.
        whole: the recipe of all stages.
        name: the model's name.
        train, val: images, as the objective has collected them.
        folder: the run folder; made, and cleared of an earlier run where this one starts afresh.
        runtime: device and precision.
        ranks: this process among its peers.
        seconds: length of the stage where time limits it, None where `run.steps` does.
        limit: length of all stages, likewise.
        resume: state to go on from.
        start: weights to start from.
        origin: the model that the user started from, for the checkpoint's metadata.
        log: one of `aecli.training.request.LOGS`, or None.
        earlier: what the stages before this one were, those of the model that the user started
            from included, for the checkpoint's metadata.
        opened: the images of the stage before.
    """

    recipe: Recipe
    whole: Recipe
    name: str
    train: Sequence[Any]
    val: Sequence[Any]
    folder: Path
    runtime: Runtime
    ranks: Ranks = field(default_factory=Ranks)
    seconds: float | None = None
    resume: State | None = None
    start: Model | None = None
    origin: str | None = None
    limit: float | None = None
    log: str | None = None
    earlier: Sequence[dict[str, Any]] = ()
    opened: Opened | None = None
