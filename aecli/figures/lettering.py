"""Names as figures show them."""

from __future__ import annotations


def drawable(text: str) -> str:
    """A text without what no font can draw."""
    return "".join(c if c.isprintable() else "?" for c in text)


def short(name: str, length: int = 28) -> str:
    """A name that a legend has room for."""
    plain = drawable(name)
    return plain if len(plain) <= length else f"{plain[: length - 3]}..."
