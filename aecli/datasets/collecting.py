"""What the user named -> pictures, one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aecli.datasets import containers, idx
from aecli.datasets.item import FileItem
from aecli.errors import UsageError
from aecli.files import inputs
from aecli.files.inputs import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aecli.datasets.item import Item
    from aecli.files.inputs import Gathered, Source

T = TypeVar("T")


def gather(
    names: Sequence[str],
    *,
    recursive: bool = True,
    files_from: str | None = None,
    null: bool = False,
    once: bool = False,
    also: Callable[[Path], bool] = containers.in_folders,
) -> Gathered:
    """As `aecli.files.inputs.gather`; of folders files of many pictures, too.

    IDX labels among the names (`mnist/*.gz`) go with their images.

    Raises:
        UsageError: as there.
    """
    found = inputs.gather(
        names,
        recursive=recursive,
        files_from=files_from,
        null=null,
        once=once,
        also=also,
    )
    sources = [s for s in found.sources if s.path is None or not idx.holds_labels(s.path)]
    return replace(found, sources=sources or found.sources)


def items(source: Source) -> list[Item]:
    """The pictures of a source: one, or all that its file holds.

    Of an image file the label is the sub-folder of the searched one that it lies in.

    Raises:
        InputError: a file of many pictures cannot be read.
        UsageError: there are none such in it as its name says.
    """
    return list(held(source).values()) or [as_file(source)]


def held(source: Source) -> Mapping[str, Item]:
    """What a source names of a file that holds many pictures, by place; nothing of other files.

    Raises:
        InputError, UsageError: as `items`.
    """
    path = source.path
    if path is None or source.pipe:
        return {}
    if source.place is not None:
        return {source.place: containers.picture(path, source.place)}
    return containers.pictures(path) if containers.container(path) is not None else {}


def as_file(source: Source) -> FileItem:
    """A source as the one picture that an image file holds."""
    folders = source.relative.parts[:-1]
    key = STDIN if source.path is None else source.path.resolve()
    called = STDIN if source.path is None else source.name
    return FileItem(called, folders[0] if folders else "", key, source)


def collect(names: Sequence[str], *, training: bool = False) -> list[Item]:
    """All pictures that names stand for, each once, those of a folder in natural order.

    A file that does not exist fails when its picture is read; to train on it is refused here.

    Args:
        names: images, folders, files of many pictures, FILE::PLACE.
        training: whether they are to be trained on: files of test images then count only where
            they are named, and none of training images is beside.

    Raises:
        UsageError: no such file, or no picture in it.
        InputError: a file of many pictures is damaged.
    """
    names = [name if name == STDIN else str(Path(name).expanduser()) for name in names]
    for name in names if training else ():
        if name == STDIN or inputs.named(name).missing() is not None:
            raise UsageError(f"there is no file or folder {name!r}")
    sources = gather(names).sources
    if training:
        sources = _for_training(sources)
    return list({item.key: item for source in sources for item in items(source)}.values())


def find(name: str) -> Item:
    """The picture that a path, FILE::PLACE or `-` names; of music, the first two bars.

    Raises:
        InputError: the file holds many, or that one not.
    """
    source = inputs.named(name)
    found = items(source)
    kind = None if source.path is None else containers.container(source.path)
    if len(found) > 1 and not (kind and kind.begins):
        first = found[0].path
        raise UsageError(f"{name} holds {len(found)} pictures", f"one of them is {first}")
    return found[0]


def evenly(items: Sequence[T], limit: int) -> list[T]:
    """Up to `limit` of the items, spread evenly from the first to the last."""
    count = min(limit, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def _for_training(sources: Sequence[Source]) -> list[Source]:
    """The sources less those of test images; all where these are named and have nothing beside."""
    kept = [s for s in sources if s.place or s.path is None or not idx.is_for_testing(s.path)]
    if not kept:
        kept = [s for s in sources if not s.found]
    if not kept:
        first = sources[0].path
        raise UsageError(f"{first} holds test images", "to train on them, name the file itself")
    return kept
