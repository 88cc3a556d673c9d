"""From what the user asks to a finished, named model."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aecli import device
from aecli.checkpoints import store
from aecli.errors import UsageError
from aecli.imaging import files
from aecli.training import config, distributed, loop
from aecli.training.data import split
from aecli.training.session import Plan
from aecli.training.state import FILE, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.checkpoints.format import Model
    from aecli.training.config import Recipe
    from aecli.training.request import Request
    from aecli.training.watching import Observer


@dataclass(frozen=True)
class Trained:
    """What came of it; `model` is the installed file, None for an unfinished run."""

    model: Path | None
    folder: Path
    finished: bool
    step: int
    metrics: Mapping[str, float]


def run(request: Request, observer: Observer) -> Trained:
    """Train a model and install it under its name.

    Raises:
        UsageError: the request contradicts itself, or would overwrite something.
        TrainingError: see `aecli.training.loop.train`.
        ModelError: the model to start from is missing or damaged.
    """
    where = distributed.local_device() or request.device
    runtime = device.choose(where, request.precision, training=True)
    with distributed.join(runtime.device) as ranks:
        target = store.user_folder() / store.file_name(request.task, request.name)
        folder = request.folder or store.home() / "runs" / f"{request.task}-{request.name}"
        state = State.load(folder) if request.resume else None
        recipe = _recipe(request, state)
        train, val = _images(request, recipe)
        if ranks.first:
            _refuse_taken(request, folder, target)
            observer.note(
                f"{len(train)} training images, {len(val)} for validation, on {runtime.reason}"
            )
            observer.note(f"run folder {folder}")
        outcome = loop.train(
            Plan(
                recipe=recipe,
                name=request.name,
                train=train,
                val=val,
                folder=folder,
                runtime=runtime,
                ranks=ranks,
                seconds=_limit(request, state),
                resume=state,
                start=_start(request),
            ),
            observer,
        )
        if outcome.finished and ranks.first:
            target.parent.mkdir(parents=True, exist_ok=True)
            with files.atomic(target, overwrite=True) as copy, outcome.weights.open("rb") as best:
                shutil.copyfileobj(best, copy)
    return Trained(
        target if outcome.finished else None,
        folder,
        outcome.finished,
        outcome.step,
        outcome.metrics,
    )


def _start(request: Request) -> Model | None:
    return store.load(request.task, request.start) if request.start is not None else None


def _recipe(request: Request, state: State | None) -> Recipe:
    """The recipe file's, or the resumed run's, with the request's overrides."""
    if state is not None and request.start is not None:
        raise UsageError("a run resumes from its own state: --from does not go with --resume")
    if state is not None and request.recipe is not None:
        raise UsageError("a run resumes with its own recipe: --recipe does not go with --resume")
    overrides = [*request.settings]
    if request.loss is not None:
        overrides.append(f'optim.loss="{request.loss}"')
    for key, value in (("steps", request.steps), ("seed", request.seed)):
        if value is not None:
            overrides.append(f"run.{key}={value}")
    if state is None:
        return config.load(request.task, request.recipe, overrides)
    if state.recipe["task"] != request.task:
        raise UsageError(f"that is a run of `train {state.recipe['task']}`")
    return config.apply(state.recipe, overrides)


def _limit(request: Request, state: State | None) -> float | None:
    """The run's length in seconds, None where it is one of steps; a resumed run keeps its own."""
    if request.seconds is None:
        return state.limit if state is not None and request.steps is None else None
    if request.steps is not None:
        raise UsageError("a run is limited by --steps or by --time, not by both")
    if not request.seconds > 0:
        raise UsageError(f"a run takes more than {request.seconds:g} seconds")
    return request.seconds


def _images(request: Request, recipe: Recipe) -> tuple[list[Path], list[Path]]:
    found = _collect(request.data)
    if request.val is None:
        return split(found, recipe.data.holdout, recipe.run.seed)
    held = _collect(request.val)
    same = {p.resolve() for p in held}
    return [p for p in found if p.resolve() not in same], held


def _collect(names: Sequence[str]) -> list[Path]:
    names = [str(Path(n).expanduser()) for n in names]
    missing = [n for n in names if n == "-" or not Path(n).exists()]
    if missing:
        raise UsageError(f"there is no file or folder {missing[0]!r}")
    sources = files.collect(names, recursive=True)
    return [s.path for s in sources if s.path is not None]


def _refuse_taken(request: Request, folder: Path, target: Path) -> None:
    """Nothing of another run is replaced unless the user says so."""
    if request.resume or request.overwrite:
        return
    if target.exists():
        raise UsageError(
            f"there is a model {request.name!r} for {request.task} already",
            "choose another --name, or replace it with --overwrite",
        )
    if (folder / FILE).exists():
        raise UsageError(
            f"there is a run in {folder} already",
            "go on with it by --resume, or start it afresh with --overwrite",
        )
