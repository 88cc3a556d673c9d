"""The directories of a TIFF file, by their bytes: looked through, and written anew."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from PIL.TiffImagePlugin import ImageFileDirectory_v2

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MOST = 10_000
"""Directories of a file that are looked at."""

_SUBFILE, _OLD_SUBFILE = 254, 255
_LONG = 4


class _Layout(NamedTuple):
    """How a kind of TIFF spells its directories, as `struct` names it."""

    counts: str
    entries: str
    offsets: str


_CLASSIC, _BIG = _Layout("H", "HHI4s", "I"), _Layout("Q", "HHQ8s", "Q")


def subfiles(file: BinaryIO) -> list[int]:
    """What each directory in the chain of a file holds, as its tag NewSubfileType says.

    Bit 0 stands for a reduced copy, bit 2 for a mask. A chain that leads out of the file
    ends there.

    Raises:
        ValueError: the chain leads back to where it was, or does not come to an end.
    """
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    (magic,) = _unpack(file, order + "H")
    layout = _CLASSIC if magic == 42 else _BIG
    if layout is _BIG:
        file.seek(4, io.SEEK_CUR)
    (at,) = _unpack(file, order + layout.offsets)
    size = file.seek(0, io.SEEK_END)
    seen: set[int] = set()
    found: list[int] = []
    while 0 < at < size:
        if at in seen or len(seen) >= MOST:
            raise ValueError("its directories lead back to where they began")
        seen.add(at)
        file.seek(at)
        (count,) = _unpack(file, order + layout.counts)
        entry = struct.Struct(order + layout.entries)
        table = file.read(min(count * entry.size, size))
        kind = 0
        for tag, _, _, value in entry.iter_unpack(table[: len(table) // entry.size * entry.size]):
            if tag == _SUBFILE:
                (kind,) = struct.unpack_from(order + "I", value)
            elif tag == _OLD_SUBFILE:
                kind |= struct.unpack_from(order + "H", value)[0] == 2  # a reduced copy
        found.append(kind)
        rest = file.read(struct.calcsize(order + layout.offsets))
        at = struct.unpack(order + layout.offsets, rest)[0] if len(rest) in (4, 8) else 0
    return found


def content(tag: Any) -> bytes:
    """The bytes of a tag's value, as tifffile has read it; numbers are little-endian again."""
    value = tag.value
    if isinstance(value, bytes):
        return value
    numbers = value if isinstance(value, tuple) else (value,)
    width = 4 if max(numbers, default=0) > 255 or tag.dtype in (4, 9) else 1
    return b"".join(int(number).to_bytes(width, "little") for number in numbers)


def rewrite(
    file: BinaryIO, directories: Mapping[int, Mapping[int, Any]], without: Collection[int] = ()
) -> None:
    """Replace the first directory of a classic little-endian file by a copy at its end.

    Args:
        file: open for reading and writing.
        directories: written before the copy, which points to each by its tag.
        without: tags that the copy lacks.
    """
    file.seek(4)
    (first,) = struct.unpack("<I", file.read(4))
    file.seek(first)
    (count,) = struct.unpack("<H", file.read(2))
    entries = [file.read(12) for _ in range(count)]
    entries = [entry for entry in entries if _tag(entry) not in without]
    for tag, content in directories.items():
        directory = ImageFileDirectory_v2(group=tag)
        for key, value in content.items():
            directory[key] = value
        at = _align(file)
        file.write(directory.tobytes(at))
        entries.append(struct.pack("<HHII", tag, _LONG, 1, at))
    at = _align(file)
    entries.sort(key=_tag)
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    file.seek(4)
    file.write(struct.pack("<I", at))


def _tag(entry: bytes) -> int:
    return int.from_bytes(entry[:2], "little")


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    """Raises struct.error where the file ends early."""
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _align(file: BinaryIO) -> int:
    """The end of the file, made even."""
    end = file.seek(0, io.SEEK_END)
    return end + file.write(bytes(end % 2))
