"""`aecli models list`: what is installed, and what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from aecli.cli import console, options
from aecli.cli.models.arguments import SomeTask, check_task
from aecli.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.checkpoints.store import Found

PURPOSE = {
    ("denoise", "photo"): "photos: camera noise and JPEG",
    ("denoise", "gaussian"): "white noise, the same everywhere",
    ("upscale", "photo"): "soft, noisy, compressed photos",
    ("upscale", "sharp"): "for looking at: invents detail",
    ("upscale", "clean"): "sharp pictures without artefacts",
    ("generate", "mnist"): "the best digits",
    ("generate", "mnist-class"): "digits of a class that is asked for",
    ("generate", "mnist-2d"): "digits on a plane: maps, walks",
    ("generate", "emoji"): "icons of 64 pixels in colour",
    ("generate", "melodies"): "melodies of two bars",
    ("embed", "photo"): "photos: search, duplicates, maps",
    ("embed", "mnist"): "digits: search, maps",
}
"""What the models that come with aecli are for, by task and family; short, for a column."""

WIDTH = 80
"""Columns of the list."""

_LEAST = 12
"""Columns that its last cell has, however long the names."""


def list_(
    task: SomeTask = None,
    verbose: Annotated[
        bool, options.REPORT.option("-v", "--verbose", help="Nothing cut short, and the files.")
    ] = False,
    json: options.Json = False,
) -> None:
    """List the installed models, what they are for, and which is a task's default.

    Examples:
        aecli models list
        aecli models list denoise -v
        aecli models list upscale --json
    """
    from aecli.checkpoints import store

    check_task("show", task)  # list takes no model
    rows = [summary(found) for found in store.entries(task)]
    if json:
        for row in rows:
            console.record(row)
    elif rows:
        heads, cells = ["TASK", "NAME (* default)", "ORIGIN", "SIZE"], [_cells(row) for row in rows]
        purposes = [console.printable(row["for"]) for row in rows]
        if verbose:
            heads.append("FILE")
            cells = [[*line, row["path"]] for line, row in zip(cells, rows, strict=True)]
        else:
            used = sum(max(map(len, column)) + 2 for column in zip(heads, *cells, strict=True))
            purposes = [_cut(purpose, max(WIDTH - used, _LEAST)) for purpose in purposes]
        body = [[*line, purpose] for line, purpose in zip(cells, purposes, strict=True)]
        console.table([*heads, "FOR"], body)


def summary(found: Found) -> dict[str, Any]:
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
        "for": _purpose(found),
        "path": str(found.path),
    }


def size(count: int) -> str:
    """`6.3 MB`, `607 kB`."""
    return f"{count / 1e6:.1f} MB" if count >= 999_500 else f"{count / 1e3:.0f} kB"


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows under their keys; nothing without any."""
    if rows:
        console.table((key.upper() for key in rows[0]), (map(str, row.values()) for row in rows))


def _cells(row: Mapping[str, Any]) -> list[str]:
    name = f"{row['name']} *" if row["default"] else row["name"]
    return [row["task"], console.printable(name), row["origin"], size(row["bytes"])]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3].rstrip(" ,") + "..."


def _purpose(found: Found) -> str:
    """What a model is for; of the user's own, what it is."""
    from aecli.checkpoints import store

    purpose = PURPOSE.get((found.task, store.family(found.name)))
    if purpose is not None and found.origin is store.Origin.BUNDLED:
        return purpose
    try:
        meta = found.meta
    except ModelError:
        return "damaged"
    pixels, data = meta.config.get("size"), meta.training.get("data")
    parts = [meta.architecture, f"pictures of {pixels} pixels" if pixels else "", str(data or "")]
    return ", ".join(part for part in parts if part)
