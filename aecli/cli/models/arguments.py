"""TASK and NAME, which say what model is meant."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from aecli.cli import options
from aecli.errors import UsageError, did_you_mean

TASKS = ("denoise", "upscale", "generate", "embed")


def _names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of a task's models, for the shell's completion."""
    from aecli.checkpoints import store

    names = [found.name for found in store.entries(context.params.get("task"))]
    return [name for name in names if name.startswith(incomplete)]


_TASK = typer.Argument(
    metavar="TASK",
    help="The command it serves: denoise, upscale, ...",
    autocompletion=options.one_of(TASKS),
)
Task = Annotated[str, _TASK]
SomeTask = Annotated[str | None, _TASK]
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The model's name.", autocompletion=_names),
]
SomeName = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="The model's name or file; the task's default without.",
        autocompletion=_names,
    ),
]


def check_task(command: str, task: str | None) -> None:
    """See that TASK is one, and no model's name or file.

    Args:
        command: that of `aecli models` that the hint names.
        task: what was given for it, if anything.

    Raises:
        UsageError: it is none.
        ModelError: it is a file, but no model's.
    """
    from aecli.checkpoints import format as checkpoints
    from aecli.checkpoints import store

    if task is None or task in TASKS:
        return
    if store.is_path(task):
        serving = {checkpoints.read_meta(Path(task).expanduser()).task}
    elif store.entries(task):
        return
    else:
        serving = {f.task for f in store.entries() if task in (f.name, store.family(f.name))}
    if not serving:
        raise UsageError(f"no command {task!r} has models", did_you_mean(task, TASKS))
    model = shlex.quote(task)
    wanted = " or ".join(f"aecli models {command} {served} {model}" for served in sorted(serving))
    raise UsageError(f"{task} is a model; the command that it serves comes first", wanted)
