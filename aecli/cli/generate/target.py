"""Where the pictures go: checked before they are made, written whole or not at all."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.cli import console
from aecli.cli.generate.request import Mode
from aecli.datasets import midi
from aecli.errors import UsageError
from aecli.figures import sheet
from aecli.files import places
from aecli.files.paths import Kind, kind
from aecli.images import formats, writing
from aecli.images.formats import FORMATS, SUFFIXES
from aecli.images.image import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from aecli.cli.generate.request import GenerateRequest
    from aecli.figures.sheet import Picture
    from aecli.inference.abilities import Abilities
    from aecli.inference.grid import Grid

_THREADS = 2


class Form(Enum):
    """What comes of the tiles."""

    SHEET = "one picture"
    FOLDER = "one file each"
    ANIMATION = "one frame each"
    TUNE = "one after another, to be heard"


@dataclass(frozen=True)
class Target:
    """A place that may be written.

    Attributes:
        path: a file or folder; None for standard output.
        form: what comes of the tiles.
        format: Pillow's name of the file format.
    """

    path: Path | None
    form: Form
    format: str = "PNG"

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard output" if self.path is None else str(self.path)


def plan(request: GenerateRequest, grid: Grid, model: Abilities) -> Target:
    """Where a request's pictures go, and those latents that it wants to keep.

    Raises:
        UsageError: it exists already, would replace an input, or is no place for such pictures.
    """
    target = _target(request, grid, model)
    results = [("the picture", path) for path in _written(target, grid.count)]
    if request.save_latents is not None:
        latents = Path(request.save_latents)
        if latents.suffix != ".npz":
            raise UsageError(f"--save-latents {latents}: must end in .npz")
        results.append(("the latents", latents))
    places.check(
        results,
        inputs=[Path(name) for name in request.inputs],
        overwrite=request.overwrite,
        make_folders=target.form is Form.FOLDER,
    )
    return target


def save_sheet(
    target: Target, picture: Picture, *, overwrite: bool, text: Mapping[str, str]
) -> list[str]:
    """Write one picture; returns what its format could not hold."""
    encode = partial(writing.write, Image(picture), format=target.format, text=text)
    return console.deliver(encode, target.path, overwrite=overwrite)


def save_frames(
    target: Target, frames: Picture, *, overwrite: bool, text: Mapping[str, str]
) -> None:
    """Write an animation."""
    assert target.path is not None
    encode = partial(sheet.animate, frames, format=target.format, text=text)
    console.deliver(encode, target.path, overwrite=overwrite)


def save_tune(target: Target, rolls: Picture, *, overwrite: bool, text: Mapping[str, str]) -> None:
    """Write piano rolls as a piece of music."""
    console.deliver(partial(midi.write, rolls, text=text), target.path, overwrite=overwrite)


def save_tiles(
    target: Target,
    batches: Iterable[Picture],
    count: int,
    *,
    overwrite: bool,
    text: Callable[[int], Mapping[str, str]],
) -> Iterator[tuple[Path, int]]:
    """Write each tile as a file of its own, while the next are made.

    Args:
        target: the folder.
        batches: all tiles, in order.
        count: how many there are.
        overwrite: replace files.
        text: the PNG texts of a tile, by its number.

    Yields:
        Each file that is written, and the number of its tile.
    """
    paths = _written(target, count)

    def write(start: int, tiles: Picture) -> list[tuple[Path, int]]:
        numbered = list(enumerate(tiles, start))
        for number, tile in numbered:
            encode = partial(writing.write, Image(tile), format="PNG", text=text(number))
            console.deliver(encode, paths[number], overwrite=overwrite)
        return [(paths[number], number) for number, _ in numbered]

    pending: deque[Future[list[tuple[Path, int]]]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="aecli-files")
    try:
        start = 0
        for tiles in batches:
            pending.append(pool.submit(write, start, tiles))
            start += len(tiles)
            if len(pending) > 2 * _THREADS:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _target(request: GenerateRequest, grid: Grid, model: Abilities) -> Target:
    out, path = request.out, Path(request.out)
    if out == "-":
        if request.json:
            raise UsageError(
                "--json and the picture cannot both go to standard output", "name a file"
            )
        if console.stdout_is_terminal():
            raise UsageError("a picture is not for the terminal", "name a file, or redirect")
        return Target(None, Form.SHEET)
    if kind(path) is Kind.FOLDER or out.endswith(("/", os.sep)):
        if not grid.separable:
            raise UsageError(f"{request.mode.value} makes one picture, {out} is a folder")
        return Target(path, Form.FOLDER)
    suffix = path.suffix.lower()
    if suffix in sheet.ANIMATED and request.mode in (Mode.INTERPOLATE, Mode.INTERPOLATE_RANDOM):
        return Target(path, Form.ANIMATION, sheet.ANIMATED[suffix])
    if suffix in midi.SUFFIXES:
        if len(request.models) > 1:
            raise UsageError(f"{out}: music is of one model", "a picture shows several")
        model.need(
            f"{out}: the pictures of {model.name} are no piano rolls",
            lambda a: (a.size, a.channels) == (midi.SIDE, 1),
        )
        return Target(path, Form.TUNE)
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{out}: its name says no image format",
            f"{out}.png is a picture, {out}/ a folder with one file a sample",
        )
    if not FORMATS[formats.format_of(path)].written:
        raise UsageError(
            f"{out}: {suffix[1:]} is for interpolations only", "choose png, webp or tif"
        )
    return Target(path, Form.SHEET, formats.format_of(path))


def _written(target: Target, count: int) -> list[Path]:
    """The files that a target means."""
    if target.path is None:
        return []
    if target.form is not Form.FOLDER:
        return [target.path]
    digits = max(5, len(str(count - 1)))
    return [target.path / f"{number:0{digits}}.png" for number in range(count)]
