"""A camera's RAW file: a DNG with a Bayer mosaic, in the colours of a camera that sees sRGB's."""

from __future__ import annotations

import io

import numpy as np
import tifffile

_CFA = 32803
_NEUTRAL = (0.5, 1.0, 0.8)
"""How this camera sees white: its white balance."""

_FROM_XYZ = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)


def dng(picture: np.ndarray, orientation: int = 1) -> bytes:
    """HxWx3 levels of 8 bits, as this camera's sensor would see them."""
    levels = picture / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    seen = np.round(light * _NEUTRAL * 65535).astype(np.uint16)
    mosaic = np.empty(picture.shape[:2], np.uint16)
    for (row, column), channel in {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}.items():
        mosaic[row::2, column::2] = seen[row::2, column::2, channel]
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        mosaic,
        photometric=_CFA,
        metadata=None,
        software=False,
        extratags=[
            (271, 2, None, "Toy", True),
            (272, 2, None, "Camera", True),
            (274, 3, 1, orientation, True),
            (33421, 3, 2, (2, 2), True),
            (33422, 1, 4, bytes((0, 1, 1, 2)), True),
            (50706, 1, 4, bytes((1, 4, 0, 0)), True),
            (50708, 2, None, "Toy Camera", True),
            (50714, 3, 1, 0, True),
            (50717, 4, 1, 65535, True),
            (50721, 10, 9, _ratios(*_FROM_XYZ), True),
            (50728, 5, 3, _ratios(*_NEUTRAL), True),
            (50778, 3, 1, 21, True),
        ],
    )
    return file.getvalue()


def _ratios(*values: float) -> tuple[int, ...]:
    return tuple(number for value in values for number in (round(value * 10_000), 10_000))
