"""The subcommands of `aecli models`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated, Any

import typer

from aecli.cli import console, options
from aecli.cli.help import Command, Group
from aecli.cli.models.arguments import Name, SomeName, SomeTask, Task, check_task
from aecli.cli.models.listing import list_, table
from aecli.cli.models.sharing import add, push
from aecli.cli.models.showing import show
from aecli.errors import ModelError


def register(app: typer.Typer) -> None:
    """Add `aecli models` to the program."""
    models = typer.Typer(help="List, inspect, check, add, share and remove models.", cls=Group)
    for command in (list_, show, verify, path, add, push, rm, export):
        models.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(models, name="models")


def verify(task: SomeTask = None, name: SomeName = None, json: options.Json = False) -> None:
    """Check models' files, and that they load: all of them, a task's, or one.

    Examples:
        aecli models verify
        aecli models verify denoise photo
    """
    from aecli.checkpoints import format as checkpoints
    from aecli.checkpoints import store

    check_task("verify", task)
    chosen = [store.find(task, name)] if task and name else store.entries(task)
    rows: list[dict[str, Any]] = []
    for found in chosen:
        row: dict[str, Any] = {"task": found.task, "name": found.name, "status": "ok"}
        try:
            row["checked"] = "sha256" if store.verify(found) else "structure"
            checkpoints.load(found.path)
        except ModelError as error:
            row |= {"status": "damaged", "checked": error.message}
        rows.append(row)
        if json:
            console.record(row)
    if not json:
        table(rows)
    if any(row["status"] != "ok" for row in rows):
        raise typer.Exit(ModelError.exit_code)


def path(task: Task, name: SomeName = None) -> None:
    """Print where a model's file is.

    Without a NAME, the task's default model.

    Examples:
        aecli models path denoise
        aecli models path upscale clean-x2
    """
    from aecli.checkpoints import store

    check_task("path", task)
    console.line(str(store.find(task, name).path))


def rm(task: Task, name: Name) -> None:
    """Remove one of your own models, by its name or its file, and its card.

    Examples:
        aecli models rm denoise mine
        aecli models rm upscale mine-x2
    """
    from aecli.checkpoints import store

    check_task("rm", task)
    console.say(f"removed {store.remove(task, name)}")


def export(
    task: Task,
    name: Name,
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The .onnx file to write.")],
    function: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of a denoiser restore or estimate_sigma, of others upscale, encode or decode; the"
            " first of these that it has without this.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Write a model as ONNX, for other programs: pictures of any size, float32, RGB in [0, 1].

    Examples:
        aecli models export denoise photo photo.onnx
        aecli models export upscale clean-x2 clean-x2.onnx
    """
    from aecli.checkpoints import onnx, portable, store

    check_task("export", task)
    found = store.find(task, name)
    store.verify(found)
    network = portable.read(found.path)
    if network is None:
        raise ModelError(f"{found.path} has no graph to export")
    card = {
        "task": found.task,
        "name": found.name,
        "licence": str(found.meta.training.get("licence") or "unknown"),
        "weights_sha256": store.sha256(found.path),
        "opset": str(onnx.OPSET),
    }
    content = onnx.export(network, card, function)
    console.deliver(lambda file: file.write(content), target, overwrite=overwrite)
    facts = {**card, "path": str(target), "bytes": len(content), "sha256": store.sha256(target)}
    if json:
        console.record(facts)
    else:
        console.say(f"{found.name} -> {target} (opset {card['opset']}, sha256 {facts['sha256']})")
