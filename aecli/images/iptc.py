"""IPTC records (keywords, captions, credits), and the Photoshop blocks that JPEG has them in."""

from __future__ import annotations

import struct

_SIGNATURE = b"8BIM"
_IPTC = 0x0404
_HEADER = b"Photoshop 3.0\0"
_MARKER = b"\xff\xed"

LONGEST = 65_533 - len(_HEADER) - 12
"""Bytes of the records that a JPEG file holds."""


def of_block(block: bytes | None) -> bytes | None:
    """The records in a block that is either these, or Photoshop's; None where there are none."""
    return of_photoshop(block) if block and block.startswith(_SIGNATURE) else block or None


def of_photoshop(block: bytes) -> bytes | None:
    """The records in a Photoshop block; None where it holds none, or is damaged."""
    at = 0
    while at + 12 <= len(block) and block[at : at + 4] == _SIGNATURE:
        (kind,) = struct.unpack_from(">H", block, at + 4)
        name = block[at + 6]
        at += 6 + name + 1 + (name + 1) % 2
        if at + 4 > len(block):
            return None
        (size,) = struct.unpack_from(">I", block, at)
        if kind == _IPTC:
            return block[at + 4 : at + 4 + size] or None
        at += 4 + size + size % 2
    return None


def segment(records: bytes) -> bytes:
    """The segment of a JPEG file that holds records of at most `LONGEST` bytes."""
    block = _SIGNATURE + struct.pack(">HHI", _IPTC, 0, len(records)) + records
    block = _HEADER + block + bytes(len(records) % 2)
    return _MARKER + struct.pack(">H", len(block) + 2) + block


def png_text(records: bytes) -> tuple[str, str]:
    """The key and value of the text that holds records in a PNG file."""
    digits = records.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return "Raw profile type iptc", "\n".join(["", "iptc", f"{len(records):8}", *lines, ""])
