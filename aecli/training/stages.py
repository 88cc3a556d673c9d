"""The stages of a run: what each does, for how long, and from where it goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError
from aecli.training import recipes
from aecli.training.folder import of_stage
from aecli.training.state import FILE, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aecli.checkpoints.format import Model
    from aecli.training.config import Recipe
    from aecli.training.request import RunRequest


@dataclass(frozen=True)
class Stage:
    """One training of one or several in a row.

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


def stages(
    request: RunRequest, folder: Path, start: Model | None
) -> tuple[Recipe, float | None, list[Stage]]:
    """The whole recipe that a request asks for, its length in seconds, and its stages.

    The first one goes on from `start`, if any. They keep what they leave in the run folder
    `folder`. The length is None where it is one of steps.

    Raises:
        UsageError: the request contradicts itself, or its recipe is impossible.
        TrainingError: there is nothing to resume.
    """
    states = list(_states(folder)) if request.resume else []
    latest = states[-1] if states else None
    recipe = _recipe(request, latest, start)
    if request.steps is not None:
        recipe = recipes.of_steps(recipe, request.steps)
    seconds = _limit(request, latest)
    each = recipes.stages(recipe)
    steps = sum(stage.run.steps for stage in each)
    return (
        recipe,
        seconds,
        [
            Stage(
                stage,
                of_stage(folder, number),
                states[number] if number < len(states) else None,
                None if seconds is None else seconds * stage.run.steps / steps,
            )
            for number, stage in enumerate(each)
        ],
    )


def _states(folder: Path) -> Iterator[State]:
    """The states of the stages that have begun, one at least."""
    yield State.load(folder)
    number = 1
    while (of_stage(folder, number) / FILE).is_file():
        yield State.load(of_stage(folder, number))
        number += 1


def _recipe(request: RunRequest, state: State | None, start: Model | None) -> Recipe:
    """The recipe file's, or the resumed run's, with the request's overrides."""
    if state is not None and request.start is not None:
        raise UsageError("a run resumes from its own state, not from another model")
    if state is not None and request.recipe is not None:
        raise UsageError("a run resumes with its own recipe, not with another one")
    overrides = [*request.settings]
    if request.loss is not None:
        overrides.append(f'optim.loss="{request.loss}"')
    if request.seed is not None:
        overrides.append(f"run.seed={request.seed}")
    if state is None:
        recipe = recipes.load(request.task, request.recipe)
        if start is not None:
            return _continued(recipe, start, request, overrides)
        return recipes.apply(recipe.as_table(), overrides)
    if state.recipe["task"] != request.task:
        raise UsageError(f"that is a run of `train {state.recipe['task']}`")
    return recipes.apply(state.recipe, overrides)


def _continued(
    recipe: Recipe, start: Model, request: RunRequest, overrides: Sequence[str]
) -> Recipe:
    """The recipe of a run that starts from a model: what it leaves open is as the model's was.

    So that a model for camera noise is not tuned to white noise unasked, and that the recipe says
    all that there is to say: a resumed run, and whoever reads it later, has nothing else. The
    task's own recipe leaves the architecture open.
    """
    if request.recipe is None:
        recipe = replace(recipe, model={})
    if not recipe.objective:
        trained_by = recipes.as_written_before(start.meta.training.get("recipe", {}))
        recipe = replace(recipe, objective=trained_by.get("objective", {}))
    recipe = recipes.apply(recipe.as_table(), overrides)
    return replace(recipe, model=_as_the_other(recipe.model, start))


def _as_the_other(model: Mapping[str, Any], other: Model) -> dict[str, Any]:
    """A recipe's [model], with what it leaves open as another model of that architecture has it.

    What is usual is left out; a preset leaves nothing open.
    """
    name = model.get("architecture", other.spec.name)
    if name != other.spec.name or "preset" in model:
        return {"architecture": name, **model}
    usual, theirs = map(asdict, (other.spec.configure({}), other.config))
    unusual = {key: value for key, value in theirs.items() if value != usual[key]}
    return {"architecture": name, **unusual, **model}


def _limit(request: RunRequest, state: State | None) -> float | None:
    """The run's length in seconds, None where it is one of steps; a resumed run keeps its own."""
    if request.seconds is None:
        return state.limit if state is not None and request.steps is None else None
    if request.steps is not None:
        raise UsageError("a run is limited by steps or by time, not by both")
    if not request.seconds > 0:
        raise UsageError(f"a run takes more than {request.seconds:g} seconds")
    return request.seconds
