"""From what the user asks to a finished, named model: all stages of a run, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aecli import device
from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import provenance, store
from aecli.errors import Reason, UsageError, did_you_mean
from aecli.training import distributed, events, loop
from aecli.training.build import architecture, objective
from aecli.training.data import split
from aecli.training.folder import copy
from aecli.training.plan import Plan
from aecli.training.request import LOGS
from aecli.training.stages import stages
from aecli.training.state import FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aecli.checkpoints.format import Model
    from aecli.training.config import Recipe
    from aecli.training.observer import Observer, Progress
    from aecli.training.plan import Opened
    from aecli.training.request import RunRequest


@dataclass(frozen=True)
class Trained:
    """What came of it; `model` is the installed file, None for an unfinished run.

    `progress`, `metrics` and `warning`, what is wrong with the model, are those of the last stage.
    """

    model: Path | None
    folder: Path
    finished: bool
    progress: Progress
    metrics: Mapping[str, float]
    warning: str | None = None

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self.progress.step


def run(request: RunRequest, observer: Observer) -> Trained:
    """Train a model and install it under its name.

    Raises:
        UsageError: the request contradicts itself, would overwrite something, or wants a log that
            there is not.
        TrainingError: see `aecli.training.loop.train`.
        ModelError: the model to start from is missing or damaged.
    """
    _check_log(request.log)
    where = distributed.local_device() or request.device
    runtime = device.choose(where, request.precision, training=True)
    with distributed.join(runtime.device) as ranks:
        target = store.made_user_folder() / store.file_name(request.task, request.name)
        folder = request.folder or store.home() / "runs" / f"{request.task}-{request.name}"
        start = _start(request)
        recipe, limit, plan = stages(request, folder, start)
        train, val = _images(request, plan[0].recipe)
        if ranks.first:
            _refuse_taken(request, folder, target)
            observer.note(
                f"{len(train)} training images, {len(val)} for validation, on {runtime.reason}"
            )
            observer.note(f"run folder {folder}")
        origin, earlier = (s.origin, s.earlier) if (s := plan[0].state) else (None, [])
        if start is not None:
            origin, earlier = f"{start.meta.task}-{start.meta.tag}", _history(start)
        opened: Opened | None = None
        for number, stage in enumerate(plan):
            if number:
                assert start is not None  # the stage before has left it
                earlier = _history(start)
            if any(later.state is not None for later in plan[number + 1 :]):
                start = checkpoints.load(loop.kept(stage.recipe, stage.folder))
                continue
            if ranks.first and len(plan) > 1:
                observer.note(f"stage {number + 1} of {len(plan)}")
            outcome = loop.train(
                Plan(
                    recipe=stage.recipe,
                    whole=recipe,
                    name=request.name,
                    train=train,
                    val=val,
                    folder=stage.folder,
                    runtime=runtime,
                    ranks=ranks,
                    seconds=stage.seconds,
                    resume=stage.state,
                    start=start,
                    origin=origin,
                    limit=limit,
                    log=request.log,
                    earlier=tuple(earlier),
                    opened=opened,
                ),
                observer,
            )
            if not outcome.finished:
                break
            opened = outcome.opened
            ranks.agree([1.0], runtime.device)  # the first one has written the weights by then
            start = checkpoints.load(outcome.weights)
        if outcome.finished and ranks.first:
            provenance.supersede(target)
            copy(outcome.weights, target)
    return Trained(
        target if outcome.finished else None,
        folder,
        outcome.finished,
        outcome.progress,
        outcome.metrics,
        outcome.warning,
    )


def _check_log(name: str | None) -> None:
    """See that a log can be kept, before anything is replaced."""
    if name is None:
        return
    if name not in LOGS:
        raise UsageError(f"there is no log {name!r}", did_you_mean(name, LOGS))
    events.require()


def _history(model: Model) -> list[dict[str, Any]]:
    """What a model's metadata say of its training, stage by stage, for one that goes on from it."""
    training = model.meta.training
    last = {key: training[key] for key in ("recipe", "steps", "seconds") if key in training}
    return [*training.get("stages", []), last]


def _start(request: RunRequest) -> Model | None:
    return store.load(request.task, request.start) if request.start is not None else None


def _images(request: RunRequest, recipe: Recipe) -> tuple[Sequence[Any], Sequence[Any]]:
    """Training and validation images, as the objective collects them."""
    collect = objective(recipe, *architecture(recipe)).collect
    found = collect(request.data)
    if request.val is None:
        return split(found, recipe.data.holdout, recipe.run.seed)
    held = collect(request.val)
    same = set(held)
    return [image for image in found if image not in same], held


def _refuse_taken(request: RunRequest, folder: Path, target: Path) -> None:
    """Nothing of another run is replaced unless the user says so."""
    if request.resume or request.overwrite:
        return
    if target.exists():
        raise UsageError(
            f"there is a model {request.name!r} for {request.task} already",
            reason=Reason.MODEL_EXISTS,
        )
    if (folder / FILE).exists():
        raise UsageError(f"there is a run in {folder} already", reason=Reason.RUN_EXISTS)
