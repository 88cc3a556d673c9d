"""The boxes of an AVIF file (ISO 14496-12, 23008-12): looked through, and metadata put in."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_META_HEAD = 4
"""Version and flags, before the boxes in `meta`."""

_MOST_PROPERTIES = 0x7F
_PLACE = 14
"""Bytes that say where an item lies."""

_XMP_TYPE = b"application/rdf+xml\0"


class Box(NamedTuple):
    """One box: its type, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of a stretch of a file, as far as they are whole."""
    at, end = start, len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        last = end if size == 0 else at + size
        if last > end or last < at + head:
            return
        yield Box(kind, at + head, last)
        at = last


def find(data: bytes, *path: bytes) -> Box | None:
    """The first box at a path such as `meta`, `iprp`, `ipco`."""
    start, end = 0, len(data)
    found = None
    for kind in path:
        found = next((box for box in boxes(data, start, end) if box.kind == kind), None)
        if found is None:
            return None
        start, end = found.start + (_META_HEAD if kind == b"meta" else 0), found.end
    return found


def with_metadata(
    data: bytes, *, icc: bytes | None, exif: bytes | None, xmp: bytes | None
) -> bytes:
    """A file as libavif writes them, with metadata of its primary picture.

    Raises:
        ValueError: its boxes are not what libavif writes.
    """
    meta = find(data, b"meta")
    if meta is None:
        raise ValueError("no meta box")
    parts = {
        box.kind: data[box.start : box.end]
        for box in boxes(data, meta.start + _META_HEAD, meta.end)
    }
    (primary,) = struct.unpack_from(">H", parts[b"pitm"], 4)
    items = []
    if exif:
        items.append((b"Exif", b"\0", bytes(4) + exif.removeprefix(b"Exif\0\0")))
    if xmp:
        items.append((b"mime", b"\0" + _XMP_TYPE, xmp))
    if icc:
        parts[b"iprp"] = _with_profile(parts[b"iprp"], primary, icc)
    (count,) = struct.unpack_from(">H", parts[b"iinf"], 4)
    first = 1 + max(_ids(parts[b"iinf"]))
    numbered = [(first + place, *item) for place, item in enumerate(items)]
    infos = [
        boxed(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + kind + name)
        for number, kind, name, _ in numbered
    ]
    head = parts[b"iinf"][:4] + struct.pack(">H", count + len(items))
    parts[b"iinf"] = head + parts[b"iinf"][6:] + b"".join(infos)
    links = [boxed(b"cdsc", struct.pack(">HHH", number, 1, primary)) for number, *_ in numbered]
    if links:
        parts[b"iref"] = parts.get(b"iref", bytes(4)) + b"".join(links)
    payload = b"".join(content for *_, content in numbered)
    grown = _META_HEAD + sum(8 + len(part) for part in parts.values()) + _PLACE * len(items)
    shift = grown - (meta.end - meta.start)
    tail = len(data) + shift + 8  # where the new mdat's content begins
    places = []
    for number, *_, content in numbered:
        places.append((number, tail, len(content)))
        tail += len(content)
    parts[b"iloc"] = _moved(parts[b"iloc"], shift, places)
    inner = data[meta.start : meta.start + _META_HEAD]
    inner += b"".join(boxed(kind, content) for kind, content in parts.items())
    extra = boxed(b"mdat", payload) if payload else b""
    return data[: meta.start - 8] + boxed(b"meta", inner) + data[meta.end :] + extra


def _moved(iloc: bytes, shift: int, more: list[tuple[int, int, int]]) -> bytes:
    """The places of items, later by `shift`, and of more items: number, offset, length."""
    if iloc[:6] != b"\0\0\0\0\x44\0":
        raise ValueError("places of another kind")
    (count,) = struct.unpack_from(">H", iloc, 6)
    out = iloc[:6] + struct.pack(">H", count + len(more))
    at = 8
    for _ in range(count):
        (extents,) = struct.unpack_from(">H", iloc, at + 4)
        out += iloc[at : at + 6]
        at += 6
        for _ in range(extents):
            offset, length = struct.unpack_from(">II", iloc, at)
            out += struct.pack(">II", offset + shift, length)
            at += 8
    for number, offset, length in more:
        out += struct.pack(">HHHII", number, 0, 1, offset, length)
    return out


def _with_profile(iprp: bytes, primary: int, icc: bytes) -> bytes:
    """The properties, an ICC profile among them, which belongs to the primary picture."""
    parts = {box.kind: iprp[box.start : box.end] for box in boxes(iprp)}
    parts[b"ipco"] += boxed(b"colr", b"prof" + icc)
    index = sum(1 for _ in boxes(parts[b"ipco"]))
    ipma = parts[b"ipma"]
    if ipma[:4] != bytes(4) or index > _MOST_PROPERTIES:
        raise ValueError("associations of another kind")
    (count,) = struct.unpack_from(">I", ipma, 4)
    out, at = ipma[:8], 8
    for _ in range(count):
        number, associations = struct.unpack_from(">HB", ipma, at)
        chosen = ipma[at + 3 : at + 3 + associations]
        at += 3 + associations
        if number == primary:
            chosen += bytes([index])
        out += struct.pack(">HB", number, len(chosen)) + chosen
    parts[b"ipma"] = out
    return b"".join(boxed(kind, content) for kind, content in parts.items())


def _ids(iinf: bytes) -> list[int]:
    return [struct.unpack_from(">H", iinf, box.start + 4)[0] for box in boxes(iinf, 6)]


def boxed(kind: bytes, content: bytes) -> bytes:
    """A box as bytes."""
    return struct.pack(">I4s", 8 + len(content), kind) + content
