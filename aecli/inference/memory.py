"""How much memory a pass of a network may take on the CPU."""

from __future__ import annotations

TOTAL = 1000 << 20
"""Bytes that pictures and a pass share."""

LEAST = 340 << 20
"""Bytes that a pass may take in any case."""


def room(taken: int) -> int:
    """Bytes that a pass may take where pictures take so many."""
    return max(TOTAL - taken, LEAST)
