"""Pictures that must stay as they are: dithers, halftones, patterns, text, charts, pixel art.

What they are made of is as fine as noise and as sharp as a network likes to round off. All of it is
drawn here, by chance; no file is needed but the photographs that some of it is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aecli.training.degradations.graphics import dithers, drawings, patterns, screens, sprites

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Kind = Callable[[np.random.Generator, Sequence[Picture]], Picture]

KINDS = (
    *(dithers.ordered, dithers.diffused, dithers.scattered, screens.halftone, screens.process),
    *(patterns.scanlines, patterns.regular, patterns.gratings, patterns.zones, patterns.gradient),
    *(
        drawings.text,
        drawings.lines,
        drawings.chart,
        drawings.window,
        sprites.scene,
        patterns.quilt,
    ),
)
"""What is made, all equally often: (generator, photographs) -> HxWx3."""


PLAIN = (
    *(drawings.text, drawings.lettering, drawings.lines, drawings.chart, drawings.window),
    *(sprites.scene, patterns.gradient),
)
"""What can be told when it is shrunk: not made of single pixels. For what enlarges."""


def make(
    photos: Sequence[Picture], count: int, seed: int, kinds: Sequence[Kind] = KINDS
) -> list[Picture]:
    """Pictures of some kinds.

    Args:
        photos: HxW or HxWx3 of any size, to dither and to print; without any, gradients are.
        count: how many; the first of a larger count are the same.
        seed: of all that is random.
        kinds: what to make, all equally often.

    Returns:
        `count` pictures, HxWx3, of 256 to 512 pixels a side.
    """
    return [kinds[k % len(kinds)](np.random.default_rng([seed, k]), photos) for k in range(count)]
