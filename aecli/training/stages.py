"""The stages of a run: what each does, for how long, and from where it goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.errors import UsageError
from aecli.training import recipes
from aecli.training.folder import SECOND
from aecli.training.state import FILE, State

if TYPE_CHECKING:
    from pathlib import Path

    from aecli.training.config import Recipe
    from aecli.training.request import Request


@dataclass(frozen=True)
class Stage:
    """One training, alone or one of two.

    Attributes:
        recipe: what to do.
        folder: where its state, metrics and weights are.
        state: what to go on from; None: it has not begun.
        seconds: its length in time, None where it is one of steps.
    """

    recipe: Recipe
    folder: Path
    state: State | None
    seconds: float | None


def stages(request: Request, folder: Path) -> list[Stage]:
    """The stages that a request asks for, in the run folder `folder`.

    Raises:
        UsageError: the request contradicts itself, or its recipe is impossible.
        TrainingError: there is nothing to resume.
    """
    state = State.load(folder) if request.resume else None
    begun = request.resume and (folder / SECOND / FILE).is_file()
    later = State.load(folder / SECOND) if begun else None
    recipe = _recipe(request, state, later)
    seconds = _limit(request, state, recipe)
    each = recipes.stages(_of_steps(recipe, request.steps))
    if len(each) == 1:
        return [Stage(each[0], folder, state, seconds)]
    share = recipe.run.share
    lengths = (None, None) if seconds is None else (share * seconds, (1 - share) * seconds)
    return [
        Stage(each[0], folder, state, lengths[0]),
        Stage(each[1], folder / SECOND, later, lengths[1]),
    ]


def _recipe(request: Request, state: State | None, later: State | None) -> Recipe:
    """The recipe file's, or the resumed run's stages', with the request's overrides."""
    if state is not None and request.start is not None:
        raise UsageError("a run resumes from its own state: --from does not go with --resume")
    if state is not None and request.recipe is not None:
        raise UsageError("a run resumes with its own recipe: --recipe does not go with --resume")
    overrides = [*request.settings]
    if request.loss is not None:
        overrides.append(f'optim.loss="{request.loss}"')
    if request.seed is not None:
        overrides.append(f"run.seed={request.seed}")
    if state is None:
        recipe = recipes.load(request.task, request.recipe)
        inherited = [] if recipe.objective else _objective_of(request)
        return recipes.load(request.task, request.recipe, [*inherited, *overrides])
    if state.recipe["task"] != request.task:
        raise UsageError(f"that is a run of `train {state.recipe['task']}`")
    own = {"second": recipes.changes(state.recipe, later.recipe)} if later is not None else {}
    return recipes.apply(state.recipe | own, overrides)


def _objective_of(request: Request) -> list[str]:
    """The objective of the model that a run starts from, as settings.

    So that a model for camera noise is not tuned to white noise unasked.
    """
    if request.start is None:
        return []
    meta = checkpoints.read_meta(store.find(request.task, request.start).path)
    objective = meta.training.get("recipe", {}).get("objective", {})
    return [f"objective.{key}={json.dumps(value)}" for key, value in objective.items()]


def _of_steps(recipe: Recipe, steps: int | None) -> Recipe:
    """The recipe for a number of steps in all, which two stages share."""
    if steps is None:
        return recipe
    if not recipe.second:
        return replace(recipe, run=replace(recipe.run, steps=steps))
    first = min(max(1, round(steps * recipe.run.share)), max(1, steps - 1))
    second = {**recipe.second, "run.steps": max(1, steps - first)}
    return replace(recipe, run=replace(recipe.run, steps=first), second=second)


def _limit(request: Request, state: State | None, recipe: Recipe) -> float | None:
    """The run's length in seconds, None where it is one of steps; a resumed run keeps its own."""
    if request.seconds is None:
        limit = state.limit if state is not None and request.steps is None else None
        return limit / recipe.run.share if limit and recipe.second else limit
    if request.steps is not None:
        raise UsageError("a run is limited by --steps or by --time, not by both")
    if not request.seconds > 0:
        raise UsageError(f"a run takes more than {request.seconds:g} seconds")
    return request.seconds
