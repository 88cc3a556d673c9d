"""`aecli models`: look at, check, add and remove models."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.cli import console, options
from aecli.cli.help import Command, Group
from aecli.errors import ModelError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aecli.checkpoints.store import Found

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

ABOUT = {
    ("denoise", "photo"): "photos: camera noise and JPEG, of a strength that it finds",
    ("denoise", "gaussian"): "white noise, the same everywhere",
    ("upscale", "photo"): "photos, a little soft, noisy and compressed",
    ("upscale", "clean"): "sharp pictures without artefacts",
    ("generate", "mnist"): "the best digits",
    ("generate", "mnist-class"): "digits of a class that is asked for",
    ("generate", "mnist-2d"): "digits on a plane: manifold, map, interpolation",
    ("generate", "emoji"): "icons of 64 pixels in colour",
    ("generate", "melodies"): "melodies of two bars, as piano rolls or MIDI",
    ("embed", "photo"): "photos: search, near-duplicates, maps",
    ("embed", "mnist"): "digits: search, maps",
}
"""What the models that come with aecli are for, by task and family."""

MOST = 16
"""Values of a list that `show` prints; `--json` has all."""


def register(app: typer.Typer) -> None:
    """Add `aecli models` to the program."""
    models = typer.Typer(help="List, inspect, check, add and remove models.", cls=Group)
    for command in (list_, show, verify, path, add, rm, export):
        models.command(command.__name__.strip("_"), cls=Command)(command)
    app.add_typer(models, name="models")


def list_(task: SomeTask = None, json: options.Json = False) -> None:
    """List the installed models.

    Examples:
        aecli models list
        aecli models list upscale --json
    """
    from aecli.checkpoints import store

    _check_task("show", task)  # list takes no model
    rows = [_summary(found) for found in store.entries(task)]
    if json:
        for row in rows:
            console.record(row)
    else:
        _table(rows)


def show(task: Task, name: SomeName = None, json: options.Json = False) -> None:
    """Show what a model is, how it was trained and what it measures.

    Without a NAME, the task's default model.

    Examples:
        aecli models show denoise
        aecli models show embed photo --json
    """
    from aecli.checkpoints import store
    from aecli.checkpoints.format import fitting, outline
    from aecli.models.complexity import measure

    _check_task("show", task)
    found = store.find(task, name)
    meta = found.meta
    spec, config = outline(found.path)
    with fitting(found.path):
        geometry = spec.geometry(config)
        complexity = measure(spec, config, meta.task)
    facts = {
        **_summary(found),
        "architecture": meta.architecture,
        "about": spec.summary,
        "paper": spec.paper,
        "parameters": complexity.parameters,
        "flops_per_pixel": round(complexity.flops_per_pixel),
        "receptive_field": 2 * geometry.radius + 1,
        "config": meta.config,
        "training": meta.training,
        "metrics": meta.metrics,
        "aecli": meta.version,
    }
    if json:
        console.record(facts)
    else:
        lines = list(_flatten(facts))
        width = max(len(key) for key, _ in lines)
        for key, value in lines:
            console.line(f"{key:<{width}}  {console.printable(value)}")


def verify(task: SomeTask = None, name: SomeName = None, json: options.Json = False) -> None:
    """Check models' files, and that they load: all of them, a task's, or one.

    Examples:
        aecli models verify
        aecli models verify denoise photo
    """
    from aecli.checkpoints import format as checkpoints
    from aecli.checkpoints import store

    _check_task("verify", task)
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
        _table(rows)
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

    _check_task("path", task)
    console.line(str(store.find(task, name).path))


def add(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A .safetensors file, or its http(s) URL.")
    ],
    sha256: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The checksum that the file must have."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to call it instead of its own name."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model of that name.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Add a model to your own: complete and checked, or not at all.

    Examples:
        aecli models add denoise-mine.safetensors
        aecli models add https://example.org/denoise-mine.safetensors --sha256 HEX
    """
    from aecli.checkpoints import install

    found = install.add(source, sha256=sha256, name=name, overwrite=overwrite)
    if json:
        console.record(_summary(found))
    else:
        console.say(f"added {found.path} (aecli {found.task} -m {found.name})")


def rm(task: Task, name: Name) -> None:
    """Remove one of your own models.

    Examples:
        aecli models rm denoise mine
        aecli models rm upscale mine-x2
    """
    from aecli.checkpoints import store

    _check_task("rm", task)
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

    _check_task("export", task)
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


def _check_task(command: str, task: str | None) -> None:
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


def _summary(found: Found) -> dict[str, Any]:
    """One row of the list."""
    from aecli.checkpoints import store

    try:
        default = store.family(found.name) == store.default(found.task)
    except ModelError:
        default = False
    return {
        "task": found.task,
        "name": found.name,
        "default": default,
        "origin": found.origin.value,
        "bytes": found.path.stat().st_size,
        "about": _about(found),
        "path": str(found.path),
    }


def _about(found: Found) -> str:
    """What a model is for; of the user's own, what it is."""
    from aecli.checkpoints import store

    about = ABOUT.get((found.task, store.family(found.name)))
    if about is not None and found.origin is store.Origin.BUNDLED:
        return about
    try:
        meta = found.meta
    except ModelError:
        return "damaged"
    size, data = meta.config.get("size"), meta.training.get("data")
    parts = [meta.architecture, f"pictures of {size} pixels" if size else "", str(data or "")]
    return ", ".join(part for part in parts if part)


def _table(rows: list[dict[str, Any]]) -> None:
    """The rows under their keys; nothing without any."""
    if rows:
        cells = (map(_text, row.values()) for row in rows)
        console.table((key.upper() for key in rows[0]), cells)


def _flatten(facts: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested facts as lines `training.licence  CC0`."""
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, _text(value)


def _text(value: Any) -> str:
    """A value as tables show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        more = f", ... ({len(value)} values)" if len(value) > MOST else ""
        return ", ".join(map(_text, value[:MOST])) + more
    return f"{value:,}" if isinstance(value, int) else str(value)
