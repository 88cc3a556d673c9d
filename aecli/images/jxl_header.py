"""What the codestream of a JPEG XL file says before its pixels (ISO/IEC 18181-1): bits, read as
they are packed, since no library at hand tells of them.
"""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 1 << 13
"""Bytes that are looked at."""

_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height."""

_GREY = 1
_CUSTOM = 2
_D65, _DCI = 1, 11
_PRIMARIES = {(1, _D65): 1, (9, _D65): 9, (11, _D65): 12, (11, _DCI): 11}
"""ITU-T H.273's numbers of primaries and white point."""

_TRANSFERS = (1, 2, 8, 13, 16, 18)
"""Transfer functions that have the same number in H.273."""

_GAMMAS = {4_545_455: 4, 3_571_429: 5}
"""Exponents, of ten million, and what H.273 calls them."""

_SRGB, _CURVES = (1, 13), 2
"""Primaries and transfer function; and what is added to four bits to make the latter."""

_ALPHA, _SPOT, _FILTER = 0, 2, 5


@dataclass(frozen=True)
class Extra:
    """A channel beside the colours: its kind, 0 for alpha; and whether colours have it in them."""

    kind: int
    associated: bool = False


@dataclass(frozen=True)
class Picture:
    """What a codestream says of its picture.

    Attributes:
        width: columns, as stored.
        height: rows, as stored.
        orientation: as in EXIF, 1 to 8.
        bits: a sample.
        floating: whether samples are floating-point numbers.
        grey: whether there is one colour channel.
        extras: the channels beside the colours.
        animated: whether there may be several pictures.
        approximate: whether it is stored in XYB, which keeps no exact levels.
        cicp: primaries and transfer function of its colours by ITU-T H.273; None where these have
            no numbers, as those of an ICC profile.
        curve_at: the bit of the codestream at which a transfer function stands that is written with
            four; None: there is none.
    """

    width: int
    height: int
    orientation: int
    bits: int
    floating: bool
    grey: bool
    extras: tuple[Extra, ...]
    animated: bool
    approximate: bool
    cicp: tuple[int, int] | None
    curve_at: int | None = None


class _Bits:
    """Numbers from the lowest bit of the first byte on."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = self._all = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("its header is cut off")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    @property
    def at(self) -> int:
        """How many have been taken."""
        return self._all - self._left

    def flag(self) -> bool:
        return bool(self.take(1))

    def number(self, *kinds: tuple[int, int]) -> int:
        """One of four kinds: so many bits, and what is added to them."""
        bits, offset = kinds[self.take(2)]
        return offset + self.take(bits)

    def enum(self) -> int:
        return self.number((0, 0), (0, 1), (4, 2), (6, 18))


def read(codestream: bytes) -> Picture:
    """The header of a codestream, or of its beginning.

    Raises:
        ValueError: it is none, or damaged.
    """
    if codestream[:2] != b"\xff\x0a":
        raise ValueError("no codestream")
    bits = _Bits(codestream[2:_LONGEST])
    width, height = _size(bits)
    orientation, animated, depth, floating = 1, False, 8, False
    extras: list[Extra] = []
    approximate, grey, curve_at = True, False, None
    said: tuple[int, int] | None = _SRGB
    if not bits.flag():
        if bits.flag():
            orientation = 1 + bits.take(3)
            if bits.flag():
                _size(bits)  # that it is to be shown at
            if bits.flag():
                _preview(bits)
            if animated := bits.flag():
                _timing(bits)
        depth, floating = _depth(bits)
        bits.flag()
        count = bits.number((0, 0), (0, 1), (4, 2), (12, 1))
        extras = [_extra(bits) for _ in range(count)]
        approximate = bits.flag()
        grey, said = _colours(bits)
        if said is not None and _CURVES <= said[1] < _CURVES + 16:
            curve_at = 8 * 2 + bits.at - 4
    return Picture(
        width,
        height,
        orientation,
        depth,
        floating,
        grey,
        tuple(extras),
        animated,
        approximate,
        said,
        curve_at,
    )


def as_srgb(codestream: bytes) -> bytes:
    """A codestream of exact levels that says that these are sRGB's, whatever it said.

    Raises:
        ValueError: it is none, or says it in another way.
    """
    at = read(codestream).curve_at
    if at is None:
        return codestream
    length = at // 8 + 2
    value = int.from_bytes(codestream[:length], "little")
    value = value & ~(15 << at) | (_SRGB[1] - _CURVES) << at
    return value.to_bytes(length, "little") + codestream[length:]


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()

    def length() -> int:
        if small:
            return 8 * (1 + bits.take(5))
        return 1 + bits.number((9, 0), (13, 0), (18, 0), (30, 0))

    height = length()
    ratio = bits.take(3)
    across, down = _RATIOS[ratio]
    return (height * across // down if ratio else length()), height


def _preview(bits: _Bits) -> None:
    small = bits.flag()

    def length() -> int:
        if small:
            return 8 * bits.number((0, 16), (0, 32), (5, 1), (9, 33))
        return bits.number((6, 1), (8, 65), (10, 321), (12, 1345))

    length()
    if not bits.take(3):
        length()


def _timing(bits: _Bits) -> None:
    bits.number((0, 100), (0, 1000), (10, 1), (30, 1))
    bits.number((0, 1), (0, 1001), (8, 1), (10, 1))
    bits.number((0, 0), (3, 0), (16, 0), (32, 0))
    bits.flag()


def _depth(bits: _Bits) -> tuple[int, bool]:
    """Bits a sample, and whether it is a floating-point number."""
    if not bits.flag():
        return bits.number((0, 8), (0, 10), (0, 12), (6, 1)), False
    depth = bits.number((0, 32), (0, 16), (0, 24), (6, 1))
    bits.take(4)
    return depth, True


def _extra(bits: _Bits) -> Extra:
    if bits.flag():
        return Extra(_ALPHA)
    kind = bits.enum()
    _depth(bits)
    bits.number((0, 0), (0, 3), (0, 4), (3, 1))
    bits.take(8 * bits.number((0, 0), (4, 0), (5, 16), (10, 48)))
    associated = kind == _ALPHA and bits.flag()
    if kind == _SPOT:
        bits.take(4 * 16)
    elif kind == _FILTER:
        bits.number((0, 1), (2, 0), (4, 3), (8, 19))
    return Extra(kind, associated)


def _colours(bits: _Bits) -> tuple[bool, tuple[int, int] | None]:
    """Whether it is grey; and primaries and transfer function."""
    if bits.flag():
        return False, _SRGB
    profile = bits.flag()
    space = bits.enum()
    grey = space == _GREY
    if profile or space not in (0, _GREY):
        return grey, None
    white = bits.enum()
    if white == _CUSTOM:
        return grey, None
    primaries = 1 if grey else bits.enum()
    if primaries == _CUSTOM:
        return grey, None
    if bits.flag():
        transfer = _GAMMAS.get(bits.take(24))
    else:
        transfer = number if (number := bits.enum()) in _TRANSFERS else None
    place = 1 if grey else _PRIMARIES.get((primaries, white))
    return grey, None if place is None or transfer is None else (place, transfer)
