"""Groups of pictures side by side as one web page that needs nothing else, to look at."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.figures.document import document, jpeg_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.figures.sheet import Picture

SIDE = 192
"""Side of a thumbnail, pixels."""

_QUALITY = 80


@dataclass(frozen=True, eq=False)
class Member:
    """One picture of a group.

    Attributes:
        path: its file.
        tile: (side, side, 3).
        note: what there is to say of it, in a few words.
    """

    path: str
    tile: Picture
    note: str


def page(groups: Sequence[Sequence[Member]], title: str) -> str:
    """The page: a row for each group, its first picture standing out."""
    rows = "\n".join(_row(number, group) for number, group in enumerate(groups, 1))
    return document("groups.html", title, groups=rows)


def _row(number: int, group: Sequence[Member]) -> str:
    figures = "".join(_figure(member) for member in group)
    return f'<section aria-label="group {number}"><h2>{number}</h2>{figures}</section>'


def _figure(member: Member) -> str:
    tile = jpeg_url(member.tile, _QUALITY)
    name = html.escape(member.path.encode("utf-8", "backslashreplace").decode())
    return (
        f'<figure><a href="{html.escape(Path(member.path).absolute().as_uri())}">'
        f'<img src="{tile}" alt="{name}" loading="lazy"></a>'
        f"<figcaption>{name}<br><small>{html.escape(member.note)}</small></figcaption></figure>"
    )
