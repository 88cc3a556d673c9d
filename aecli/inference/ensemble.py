"""Geometric self-ensemble: the mean of what a network makes of a picture in all its orientations.

Timofte et al. 2016, "Seven ways to improve example-based single image super resolution". A picture
turned and mirrored is as good a picture, but the network's mistakes differ, and partly cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TURNS = 4


def averaged(function: Callable[..., Floats]) -> Callable[..., Floats]:
    """A function of pictures as the mean over the eight orientations, in eight times the time.

    Args:
        function: (N, C, H, W), and maybe maps of that size -> (N, C, H * scale, W * scale), for any
            H and W.
    """

    def mean(*inputs: Floats) -> Floats:
        total: Floats | None = None
        for turns in range(TURNS):
            turned = [np.rot90(x, turns, (2, 3)) for x in inputs]
            plain = np.rot90(function(*turned), -turns, (2, 3))
            mirror = function(*(x[..., ::-1] for x in turned))
            mirrored = np.rot90(mirror[..., ::-1], -turns, (2, 3))
            total = plain + mirrored if total is None else total + plain + mirrored
        assert total is not None
        return total / np.float32(2 * TURNS)

    return mean
