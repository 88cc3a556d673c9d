"""What the user named -> the list of images to work on."""

from __future__ import annotations

import codecs
import glob
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.errors import InputError, Reason, UsageError
from aecli.files.paths import Kind, absolute, identity, kind, links
from aecli.images.formats import SUFFIXES, unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

STDIN = "-"

SEPARATOR = "::"
"""Stands between a file that holds many pictures and the place of one in it."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before that of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
"""Byte order marks of lists, and what follows them."""

_UNSAFE = re.compile(r'[\x00-\x1f/\\:*?"<>|]+')
"""What parts the folders of a place, or has another meaning than itself in a file's name."""

MAX_STREAM = 1 << 30
"""Most bytes that are taken from a pipe, a device or standard input for one picture."""


@dataclass(frozen=True)
class Source:
    """One image to read.

    Attributes:
        path: the file, or None for standard input.
        relative: its name, below the folder that was searched if it was found in one; `stdin.png`
            for standard input.
        found: whether it was found in a folder rather than named.
        pipe: whether it is a pipe or a device.
        place: which picture of a file that holds many; None for the file itself.
    """

    path: Path | None
    relative: Path
    found: bool = False
    pipe: bool = False
    place: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        if self.path is None:
            return "standard input"
        return str(self.path) if self.place is None else f"{self.path}{SEPARATOR}{self.place}"

    @property
    def once(self) -> bool:
        """Whether it can be read once only, and not be looked at before."""
        return self.path is None or self.pipe

    def missing(self) -> InputError | None:
        """Why there is nothing to read, as the file system says without opening it."""
        if self.path is None:
            return None
        try:
            self.path.stat()
        except (OSError, ValueError) as error:
            return InputError(f"{self.name}: {getattr(error, 'strerror', error)}")
        return None

    def read(self) -> bytes:
        """The whole content.

        Raises:
            InputError: it cannot be read, or a stream has more than `MAX_STREAM` bytes.
        """
        try:
            if self.path is None:
                return self._taken(sys.stdin.buffer)
            with self.path.open("rb") as file:
                return self._taken(file) if self.pipe else file.read()
        except (OSError, ValueError) as error:
            raise InputError(f"{self.name}: {getattr(error, 'strerror', error)}") from error

    def _taken(self, file: BinaryIO) -> bytes:
        content = file.read(MAX_STREAM + 1)
        if len(content) > MAX_STREAM:
            raise InputError(f"{self.name}: is longer than {MAX_STREAM >> 20} MiB")
        return content


@dataclass(frozen=True)
class LeftOut:
    """Something in a folder that looks like an image, or may hold some, and is not worked on.

    Attributes:
        path: where it lies.
        reason: what it is, such as `HEIC`, or `an earlier result`; of a failure, what went wrong.
        hint: what makes it an image that is read, if anything.
        failed: whether it should have been looked at and could not be.
        made: whether an earlier run made it.
        folder: whether it is a folder that was not looked into.
    """

    path: Path
    reason: str
    hint: str | None = None
    failed: bool = False
    made: bool = False
    folder: bool = False


@dataclass(frozen=True)
class Gathered:
    """What inputs name: the images to work on, and what their folders hold beside these."""

    sources: list[Source]
    left_out: list[LeftOut]


def gather(
    inputs: Sequence[str],
    *,
    recursive: bool = False,
    files_from: str | None = None,
    null: bool = False,
    once: bool = False,
    also: Callable[[Path], bool] = lambda _: False,
) -> Gathered:
    """All images that the inputs name, each once: as ordered, those of a folder in natural order.

    A named file is taken whatever its suffix, even if it does not exist: it fails when its turn
    comes and the others go on. Folders give the files in them that have an image's suffix and do
    not start with a dot; what else in them looks like an image is left out, and told of, and so
    are their folders unless these are looked into, and can be. A pattern that the shell left alone
    (`*.png` on Windows) is expanded here.

    Args:
        inputs: files, folders, patterns, and `-` for an image on standard input.
        recursive: descend into the folders' folders (symbolic links to folders are not followed).
        files_from: a file that holds more inputs, one a line, or `-` for standard input.
        null: `files_from` is separated by NUL bytes instead of line ends.
        once: a file that has several names comes once, by its own name rather than a link's.
        also: which files of folders count beside those with an image's suffix.

    Raises:
        UsageError: nothing to do; a list that cannot be read or is separated otherwise than said;
            standard input wanted twice.
    """
    names = [*inputs, *(_listed(files_from, null=null) if files_from is not None else ())]
    if files_from == STDIN and STDIN in names:
        raise UsageError("standard input cannot be both an image and the list of files")
    left_out: dict[Path, LeftOut] = {}
    sources: dict[object, Source] = {}
    for name in names:
        for item in _sources(name, recursive=recursive, also=also):
            if isinstance(item, LeftOut):
                left_out.setdefault(absolute(item.path), item)
                continue
            key: object = STDIN if item.path is None else (absolute(item.path), item.place)
            if key not in sources or (sources[key].found and not item.found):
                sources[key] = item
    for given in (*names, *(source.path for source in sources.values() if source.path is not None)):
        left_out.pop(absolute(Path(given)), None)  # a name that was given counts
    if not sources:
        raise _nothing(names, list(left_out.values()))
    chosen = _once(sources.values()) if once else list(sources.values())
    return Gathered(chosen, list(left_out.values()))


def collect(inputs: Sequence[str], *, recursive: bool = False) -> list[Source]:
    """The images alone that `gather` finds.

    Raises:
        UsageError: as there.
    """
    return gather(inputs, recursive=recursive).sources


def _once(sources: Iterable[Source]) -> list[Source]:
    """Each file by one of its names: one that leads over no link, if there is one."""
    chosen: dict[object, Source] = {}
    for source in sources:
        key = STDIN if source.path is None else (identity(source.path), source.place)
        before = chosen.setdefault(key, source)
        if source.path and before.path and links(source.path) < links(before.path):
            chosen[key] = source
    return list(chosen.values())


def _nothing(names: Sequence[str], left_out: Sequence[LeftOut]) -> UsageError:
    """Why there are no images."""
    if not names:
        return UsageError("no inputs", "name image files or folders, or - for standard input")
    for item in left_out:
        if item.failed:
            return UsageError(f"{item.path}: {item.reason}")
    where = f"{', '.join(names[:3])}{' ...' * (len(names) > 3)}"
    if files := [item for item in left_out if not item.folder]:
        first, more = files[0], len(files) - 1
        others = f" and {more} more" if more else ""
        return UsageError(
            f"no images in {where} that aecli reads: {first.path} is {first.reason}{others}",
            first.hint,
        )
    return UsageError(f"no images in {where}", reason=Reason.NOT_RECURSIVE if left_out else None)


def named(name: str) -> Source:
    """What one name stands for that is no folder: `-` is standard input, FILE::PLACE a part."""
    if name == STDIN:
        return Source(None, Path("stdin.png"))
    path = Path(name)
    file, separator, place = name.rpartition(SEPARATOR)
    if separator and kind(path) is None and kind(Path(file)) is Kind.FILE:
        return within(Source(Path(file), Path(Path(file).name)), place)
    if kind(path) is not Kind.OTHER:
        return Source(path, Path(path.name))
    suffix = path.suffix if path.suffix.lower() in SUFFIXES else ".png"
    return Source(path, Path(path.stem + suffix), pipe=True)


def within(source: Source, place: str) -> Source:
    """One picture of a file that holds many, called `{stem of the file}-{place}` and a suffix.

    Of a place that leads through folders the name leads through none.
    """
    assert source.path is not None
    name = "-".join(part for part in _UNSAFE.split(place) if part.strip("."))
    suffix = "" if Path(name).suffix.lower() in SUFFIXES else ".png"
    relative = source.relative.with_name(f"{source.path.stem}-{name}{suffix}")
    return replace(source, relative=relative, place=place)


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
    data = _plain(data, files_from)
    if b"\0" in data and not null:
        raise UsageError(f"{files_from}: is separated by NUL bytes", reason=Reason.NUL_SEPARATED)
    lines = data.split(b"\0") if null else data.splitlines()
    return [os.fsdecode(line) for line in lines if line]


def _plain(data: bytes, name: str) -> bytes:
    """A list as the file system spells names: a byte order mark is understood and taken away."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return os.fsencode(data[len(mark) :].decode(encoding))
            except UnicodeError as error:
                raise UsageError(f"{name}: is not the text that it says: {error}") from None
    return data


def _sources(
    name: str, *, recursive: bool, also: Callable[[Path], bool]
) -> Iterator[Source | LeftOut]:
    path = Path(name)
    stands = kind(path)
    if name == STDIN:
        yield named(name)
    elif stands is Kind.FOLDER:
        found = list(_inside(path, recursive=recursive, also=also))
        left_out = [item for item in found if isinstance(item, LeftOut)]
        yield from sorted(left_out, key=lambda item: natural(item.path))
        files = [item for item in found if isinstance(item, Path)]
        for file in sorted(files, key=natural):
            yield Source(file, file.relative_to(path), found=True)
    elif stands is None and (matches := _matches(name)):
        for match in sorted(matches, key=natural):
            yield Source(match, Path(match.name))
    else:
        yield named(name)


def _matches(pattern: str) -> list[Path]:
    return [Path(match) for match in glob.glob(pattern)]  # noqa: PTH207 - it may be absolute


def _inside(
    folder: Path, *, recursive: bool, also: Callable[[Path], bool]
) -> Iterator[Path | LeftOut]:
    """Files below `folder` with the suffix of an image; hidden files and folders do not count."""
    failures: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=failures.append):
        folders[:] = [f for f in folders if not f.startswith(".")]
        if not recursive:
            yield from passed_over(folder, folders)
            folders.clear()
        for file in files:
            path = Path(root, file)
            suffix = path.suffix.lower()
            if file.startswith("."):
                continue
            if known := unread(suffix):
                yield LeftOut(path, *known)
            elif suffix in SUFFIXES or also(path):
                stands = kind(path)
                yield path if stands is Kind.FILE else LeftOut(path, _instead(path, stands))
    for error in failures:
        yield LeftOut(Path(error.filename), f"cannot be listed: {error.strerror}", failed=True)


def passed_over(folder: Path, names: Iterable[str]) -> Iterator[LeftOut]:
    """Those of the folders in a folder that are not looked into, and would be if it were said."""
    for name in names:
        path = folder / name
        if not name.startswith(".") and path.is_dir() and not path.is_symlink():
            yield LeftOut(path, "a folder", folder=True)


def _instead(path: Path, stands: Kind | None) -> str:
    """What stands at the path of an image that is none."""
    if stands is None and path.is_symlink():
        return "a link to nothing"
    return f"a {stands.value}" if stands else "out of reach"
