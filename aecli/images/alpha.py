"""What transparency asks of whoever changes the pixels under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from aecli.images.image import Pixels

_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))
_HIDDEN, _QUEUED, _VISIBLE = 0, 1, 2


def bleed(pixels: Pixels, alpha: Pixels, reach: int) -> Pixels:
    """Give fully transparent pixels the colour of the nearest visible one (by city-block distance).

    What lies under transparency is often black or rubbish, and a filter that looks around would
    draw it into the visible edge.

    Args:
        pixels: HxW or HxWx3.
        alpha: HxW; 0 is fully transparent.
        reach: how far colours bleed, in pixels; what lies further away stays as it is.

    Returns:
        A new array, or `pixels` itself where nothing is hidden, or everything.
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return pixels
    out = pixels.copy()
    edge = np.zeros_like(visible)
    edge[1:] |= visible[:-1]
    edge[:-1] |= visible[1:]
    edge[:, 1:] |= visible[:, :-1]
    edge[:, :-1] |= visible[:, 1:]
    edge &= ~visible
    state = np.where(visible, np.uint8(_VISIBLE), edge.view(np.uint8))
    rows, columns = np.nonzero(edge)
    del visible, edge
    bottom, right = state.shape[0] - 1, state.shape[1] - 1
    for _ in range(reach):
        ahead = []
        for down, across in _NEIGHBOURS:
            y = np.clip(rows + down, 0, bottom)
            x = np.clip(columns + across, 0, right)
            there = state[y, x]
            source = there == _VISIBLE
            out[rows[source], columns[source]] = out[y[source], x[source]]
            hidden = there == _HIDDEN
            state[y[hidden], x[hidden]] = _QUEUED
            ahead.append((y[hidden], x[hidden]))
        state[rows, columns] = _VISIBLE
        rows, columns = (np.concatenate(axis) for axis in zip(*ahead, strict=True))
        if rows.size == 0:
            break
    return out
