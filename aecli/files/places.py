"""May these paths be written: the one answer, before any work starts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aecli.errors import Reason, UsageError
from aecli.files import names
from aecli.files.paths import Kind, identity, kind
from aecli.images.formats import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    Results = Sequence[tuple[str, Path]]


def check(
    results: Results,
    *,
    kept: Results = (),
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    make_folders: bool = False,
) -> None:
    """Refuse results that may not be written.

    Args:
        results: what each is, for messages, and the file it is to become.
        kept: results that exist and stay as they are.
        inputs: files that are read, and folders whose images are: they are never overwritten.
        overwrite: other files may be replaced.
        make_folders: the folders of results need not exist yet.

    Raises:
        UsageError: two results of one name (also where only the case differs, or the form of
            Unicode, if the file system there takes that for one name); a result in place of an
            input, of a folder, or of a file that exists; a folder that does not exist, or may not
            be written.
    """
    _refuse_collisions([*results, *kept])
    paths = [path for _, path in results]
    for path in paths:
        if kind(path) is Kind.FOLDER:
            raise UsageError(f"{path} is a folder")
    _refuse_inputs(paths, inputs)
    for folder in {path.parent for path in paths if kind(path) is not Kind.OTHER}:
        _refuse_folder(folder, make=make_folders)
    existing = [path for path in paths if kind(path) is Kind.FILE]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more exist" if len(existing) > 1 else " exists"
        raise UsageError(f"{existing[0]}{more} already", reason=Reason.EXISTS)


def _refuse_collisions(results: Results) -> None:
    taken: dict[str, list[tuple[str, Path]]] = {}
    for what, path in results:
        alike = taken.setdefault(names.key(path), [])
        for other, there in alike:
            if names.merged(path, there):
                raise UsageError(
                    f"{other} and {what} would both become {path}", reason=Reason.COLLISION
                )
        alike.append((what, path))


def _refuse_inputs(paths: Sequence[Path], inputs: Iterable[Path]) -> None:
    known = {identity(path): path for path in inputs}
    for path in paths:
        hit = known.get(identity(path))
        if hit is None and kind(path) is Kind.FILE and path.suffix.lower() in SUFFIXES:
            hit = path if identity(path.parent) in known else None
        if hit is not None:
            raise UsageError(
                f"{path}: the result would replace the input {hit}",
                "inputs are never overwritten: choose another place",
            )


def _refuse_folder(folder: Path, *, make: bool) -> None:
    place = folder
    while make and kind(place) is None and place != place.parent:
        place = place.parent
    if kind(place) is None:
        raise UsageError(f"{place}: no such folder")
    if kind(place) is not Kind.FOLDER:
        raise UsageError(f"{place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"{place}: no permission to write there", "choose another place")
