"""What the user named -> the list of images to work on."""

from __future__ import annotations

import glob
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.errors import UsageError
from aecli.files.paths import Kind, absolute, kind
from aecli.images.formats import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """One image to read.

    Attributes:
        path: the file, or None for standard input.
        relative: its name, below the folder that was searched if it was found in one; `stdin.png`
            for standard input.
        found: whether it was found in a folder rather than named.
    """

    path: Path | None
    relative: Path
    found: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path is None else str(self.path)


def collect(
    inputs: Sequence[str],
    *,
    recursive: bool = False,
    files_from: str | None = None,
    null: bool = False,
) -> list[Source]:
    """All images that the inputs name, each once: as ordered, those of a folder in natural order.

    A named file is taken whatever its suffix, even if it does not exist: it fails when its turn
    comes and the others go on. Folders give the files in them that have an image's suffix and do
    not start with a dot. A pattern that the shell left alone (`*.png` on Windows) is expanded here.

    Args:
        inputs: files, folders, patterns, and `-` for an image on standard input.
        recursive: descend into the folders' folders (symbolic links to folders are not followed).
        files_from: a file that holds more inputs, one a line, or `-` for standard input.
        null: `files_from` is separated by NUL bytes instead of line ends.

    Raises:
        UsageError: nothing to do; a folder or list that cannot be read; a list separated otherwise
            than said; standard input wanted twice.
    """
    names = [*inputs, *(_listed(files_from, null=null) if files_from is not None else ())]
    if files_from == STDIN and STDIN in names:
        raise UsageError("standard input cannot be both an image and the list of files")
    sources: dict[object, Source] = {}
    for name in names:
        for source in _sources(name, recursive=recursive):
            key = STDIN if source.path is None else absolute(source.path)
            if key not in sources or (sources[key].found and not source.found):
                sources[key] = source
    if not sources:
        if not names:
            raise UsageError("no inputs", "name image files or folders, or - for standard input")
        hint = None if recursive else "-r looks into its folders, too"
        raise UsageError(f"no images in {', '.join(names[:3])}{' ...' * (len(names) > 3)}", hint)
    return list(sources.values())


def natural(path: Path) -> tuple[tuple[str | int, ...], ...]:
    """Sort key under which `img2` comes before `img10`, and a folder's files stay together."""
    return tuple(
        tuple(int(p) if i % 2 else p for i, p in enumerate(re.split("([0-9]+)", part.casefold())))
        for part in path.parts
    )


def _listed(files_from: str, *, null: bool) -> list[str]:
    """The inputs that a list file holds; file names of any encoding survive."""
    try:
        data = sys.stdin.buffer.read() if files_from == STDIN else Path(files_from).read_bytes()
    except OSError as error:
        raise UsageError(f"{files_from}: cannot be read: {error.strerror}") from None
    if b"\0" in data and not null:
        raise UsageError(f"{files_from}: is separated by NUL bytes", "-0 reads such lists")
    lines = data.split(b"\0") if null else data.splitlines()
    return [os.fsdecode(line) for line in lines if line]


def _sources(name: str, *, recursive: bool) -> Iterator[Source]:
    if name == STDIN:
        yield Source(None, Path("stdin.png"))
        return
    path = Path(name)
    if kind(path) is Kind.FOLDER:
        for file in sorted(_images(path, recursive=recursive), key=natural):
            yield Source(file, file.relative_to(path), found=True)
    elif kind(path) is None and (matches := _matches(name)):
        for match in sorted(matches, key=natural):
            yield Source(match, Path(match.name))
    else:
        yield Source(path, Path(path.name))


def _matches(pattern: str) -> list[Path]:
    return [Path(match) for match in glob.glob(pattern)]  # noqa: PTH207 - it may be absolute


def _images(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """Files below `folder` with the suffix of an image; hidden files and folders are left out."""

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename}: cannot be listed: {error.strerror}") from None

    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [f for f in folders if recursive and not f.startswith(".")]
        for file in files:
            path = Path(root, file)
            shown = not file.startswith(".") and path.suffix.lower() in SUFFIXES
            if shown and kind(path) is Kind.FILE:
                yield path
