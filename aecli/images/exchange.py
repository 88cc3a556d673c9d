"""Pictures as other libraries hold them: numpy arrays and Pillow images, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

from aecli.images.image import Image

if TYPE_CHECKING:
    from aecli.images.image import Pixels


def to_image(picture: object) -> Image:
    """Any picture as an `Image`.

    Args:
        picture: an array HxW (grey), HxWx2 (grey, alpha), HxWx3 (RGB) or HxWx4 (RGB, alpha), uint8
            or uint16; a Pillow image with 8 bits a channel, or 16-bit grey; or an `Image`.

    Raises:
        TypeError: it is something else, or has pixels of another type.
        ValueError: an array of another shape, or an empty one.
    """
    if isinstance(picture, Image):
        return picture
    if isinstance(picture, Pillow.Image):
        picture = _array(picture)
    if not isinstance(picture, np.ndarray):
        raise TypeError(
            f"a picture must be a numpy array, a Pillow image or aecli's Image, not {type(picture)}"
        )
    if picture.ndim == 3 and picture.shape[2] in (2, 4):
        colour = picture[..., :-1] if picture.shape[2] == 4 else picture[..., 0]
        alpha = np.ascontiguousarray(picture[..., -1])
        return Image(np.ascontiguousarray(colour), alpha)
    return Image(np.ascontiguousarray(picture))


def like(image: Image, picture: object) -> Any:
    """An `Image` as the kind of picture that `picture` is; a Pillow image keeps its `info`."""
    if isinstance(picture, Image):
        return image
    array = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    if not isinstance(picture, Pillow.Image):
        return array
    result = Pillow.fromarray(array)
    result.info = {k: v for k, v in picture.info.items() if k != "transparency"}
    return result


def _array(picture: Pillow.Image) -> Pixels:
    """HxW, HxWx2 (grey and alpha), HxWx3 or HxWx4."""
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)
    if picture.mode in ("I", "F"):
        raise TypeError(f"a Pillow image of mode {picture.mode} has no fixed white: use uint16")
    mode = "L" if picture.mode in ("1", "L", "LA", "La") else "RGB"
    if picture.has_transparency_data:
        mode += "A"
    return np.asarray(picture if picture.mode == mode else picture.convert(mode))
