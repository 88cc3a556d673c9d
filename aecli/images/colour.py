"""What colours mean where no profile says it: PNG's chunks gAMA, cHRM, sRGB and cICP.

Other formats hold an ICC profile instead; it is made here (ICC.1:2001-04, a matrix and curves).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CHUNKS = (b"cICP", b"gAMA", b"cHRM", b"sRGB")
"""In the order in which they are written."""

_SRGB_GAMMA, _SRGB = 45_455, (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
_NEAR = 300
"""How far numbers of 100,000 may lie from sRGB's and still mean it."""

_D65, _DCI = (31_270, 32_900), (31_400, 35_100)
_PRIMARIES = {
    1: _SRGB,
    4: (31_006, 31_616, 67_000, 33_000, 21_000, 71_000, 14_000, 8_000),
    5: (*_D65, 64_000, 33_000, 29_000, 60_000, 15_000, 6_000),
    6: (*_D65, 63_000, 34_000, 31_000, 59_500, 15_500, 7_000),
    9: (*_D65, 70_800, 29_200, 17_000, 79_700, 13_100, 4_600),
    11: (*_DCI, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000),
    12: (*_D65, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000),
}
"""White, red, green and blue of the colour primaries that ITU-T H.273 numbers, as cHRM has them."""

_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_BT709, _SRGB_CURVE = (1, 6, 14, 15), 13
HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of pictures that are brighter than a screen's white."""

_LIKE_SRGB, _LIKE_SRGB_CURVE = (1, 2), (1, 2, 6, 13, 14, 15)
"""Primaries and transfer functions of what is taken for sRGB; 2 stands for none said."""

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_CURVE = 1024


def cicp(primaries: int, transfer: int) -> bytes:
    """The content of a chunk cICP of RGB at full range."""
    return bytes([primaries, transfer, 0, 1])


def unlike_srgb(primaries: int, transfer: int) -> dict[bytes, bytes]:
    """The chunk that says what colours mean by the numbers of ITU-T H.273; none for sRGB."""
    if primaries in _LIKE_SRGB and transfer in _LIKE_SRGB_CURVE:
        return {}
    return {b"cICP": cicp(primaries & 0xFF, transfer & 0xFF)}


def hdr(chunks: Mapping[bytes, bytes]) -> str | None:
    """The name of a transfer function for pictures of high dynamic range, if one is stated."""
    return HDR.get(chunks[b"cICP"][1]) if b"cICP" in chunks else None


def profile(chunks: Mapping[bytes, bytes], *, grey: bool) -> bytes | None:
    """An ICC profile that says what the chunks do; None where that is sRGB, or not known.

    Raises:
        ValueError: they state what cannot be.
    """
    places, curve = _stated(chunks)
    if curve is None or (places == _SRGB and curve is _SRGB_LINE):
        return None
    white = _xyz(*places[:2])
    tags = [(b"wtpt", _xyz_tag(_D50))]
    if grey:
        tags.append((b"kTRC", _curve_tag(curve)))
    else:
        primaries = np.stack([_xyz(*places[at : at + 2]) for at in (2, 4, 6)], 1)
        columns = _adapted(white) @ (primaries * np.linalg.solve(primaries, white))
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True):
            tags.append((name, _xyz_tag(tuple(column))))
        tags += [(name, _curve_tag(curve)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return _assembled(tags, b"GRAY" if grey else b"RGB ")


def _stated(
    chunks: Mapping[bytes, bytes],
) -> tuple[tuple[int, ...], NDArray[np.float64] | float | None]:
    """White and primaries, and what light the levels mean: a power, or a line; None for unknown.

    cICP counts before sRGB, and that before gAMA and cHRM.
    """
    if b"cICP" in chunks:
        primaries, transfer = chunks[b"cICP"][:2]
        if transfer in _BT709 or transfer == _SRGB_CURVE:
            curve: NDArray[np.float64] | float | None = _SRGB_LINE
        else:
            curve = _GAMMAS.get(transfer)
        return _PRIMARIES.get(primaries, _SRGB), curve if primaries in _PRIMARIES else None
    if b"sRGB" in chunks:
        return _SRGB, None
    places = struct.unpack(">8I", chunks[b"cHRM"]) if b"cHRM" in chunks else _SRGB
    (gamma,) = struct.unpack(">I", chunks[b"gAMA"]) if b"gAMA" in chunks else (_SRGB_GAMMA,)
    if max(abs(a - b) for a, b in zip(places, _SRGB, strict=True)) <= _NEAR:
        places = _SRGB
    near = abs(gamma - _SRGB_GAMMA) <= _NEAR
    if not gamma or min(places[1::2]) == 0:
        raise ValueError("its colour chunks make no sense")
    return places, _SRGB_LINE if near else 100_000 / gamma


def _xyz(x: int, y: int) -> NDArray[np.float64]:
    """The colour of chromaticity x, y (of 100,000) and luminance 1."""
    return np.array([x / y, 1.0, (100_000 - x - y) / y])


def _adapted(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns colours seen under a white into those seen under D50 (Bradford)."""
    ratio = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(ratio) @ _BRADFORD)


def _srgb_line() -> NDArray[np.float64]:
    """Light of evenly spaced levels, 0 to 1 (IEC 61966-2-1)."""
    level = np.linspace(0, 1, _CURVE)
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


_SRGB_LINE = _srgb_line()


def _xyz_tag(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def _curve_tag(curve: NDArray[np.float64] | float) -> bytes:
    if isinstance(curve, float):
        line = np.linspace(0, 1, _CURVE) ** curve
        if curve < 256:
            return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(curve * 256))
    else:
        line = curve
    numbers = (line * 65535).round().astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", _CURVE) + numbers


def _assembled(tags: list[tuple[bytes, bytes]], space: bytes) -> bytes:
    """A profile of tags: header, table, contents."""
    name = b"colours as a PNG states them"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name
    described += bytes(1 + 4 + 4 + 2 + 1 + 67)  # the end of the name, and two more, which are empty
    tags = [(b"desc", described), (b"cprt", b"text\0\0\0\0No copyright\0"), *tags]
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for key, content in tags:
        table += key + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(v * 65536) for v in _D50))
    return head + bytes(128 - len(head)) + table + body
