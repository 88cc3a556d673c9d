"""Files that are nearly right: a seed, a number, and the same bytes every time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

_INTERESTING = (0, 1, 2, 3, 7, 8, 16, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
"""Numbers at which counters, lengths and signs turn."""


def mutants(samples: Mapping[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """`count` mutants of samples by their file name, taken in turn; each has a name of its own."""
    names = sorted(samples)
    for number in range(count):
        name = names[number % len(names)]
        source = random.Random(f"{seed}:{number}:{name}")  # noqa: S311 - no secrets
        stem, _, suffix = name.rpartition(".")
        yield f"{number:05}-{stem}.{suffix}", mutate(samples[name], source)


def mutate(data: bytes, source: random.Random) -> bytes:
    """One to four changes; half of them near the start, where headers are."""
    out = bytearray(data)
    for _ in range(source.randint(1, 4)):
        if not out:
            break
        near = source.random() < 0.5
        at = source.randrange(min(len(out), 256) if near else len(out))
        change = source.randrange(7)
        if change == 0:
            out[at] ^= 1 << source.randrange(8)
        elif change == 1:
            out[at] = source.randrange(256)
        elif change == 2:
            width = source.choice((1, 2, 4, 8))
            order = source.choice(("little", "big"))
            number = source.choice(_INTERESTING) & (1 << 8 * width) - 1
            out[at : at + width] = number.to_bytes(width, order)
        elif change == 3:
            del out[at:]
        elif change == 4:
            del out[at : at + source.randint(1, 16)]
        elif change == 5:
            piece = out[at : at + source.randint(1, 64)]
            out[at:at] = piece
        else:
            other = source.randrange(len(out))
            size = source.randint(1, 32)
            out[at : at + size] = out[other : other + size]
    return bytes(out)
