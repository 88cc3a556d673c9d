"""Pictures as other programs hold them: files, numpy arrays and Pillow images, in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

from aecli.images.image import Image
from aecli.images.reading import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aecli.images.image import Pixels


def to_image(picture: object) -> Image:
    """Any picture as an `Image`.

    Args:
        picture: a file's path; an array HxW (grey), HxWx2 (grey, alpha), HxWx3 (RGB) or HxWx4 (RGB,
            alpha), uint8, uint16 or floating point from 0 to 1, which becomes 16 bits; a Pillow
            image with 8 bits a channel, or 16-bit grey; or an `Image`.

    Raises:
        TypeError: it is something else, or has pixels of another type.
        ValueError: an array of another shape, an empty one, or values beyond 0 and 1.
        InputError: the file cannot be read.
    """
    if isinstance(picture, Image):
        return picture
    if isinstance(picture, (str, Path)):
        return decode(Path(picture).expanduser())
    if isinstance(picture, Pillow.Image):
        picture = _array(picture)
    if not isinstance(picture, np.ndarray):
        raise TypeError(
            "a picture must be a path, a numpy array, a Pillow image or aecli's Image, not"
            f" {type(picture)}"
        )
    if np.issubdtype(picture.dtype, np.floating):
        picture = _deep(picture)
    if picture.ndim == 3 and picture.shape[2] in (2, 4):
        colour = picture[..., :-1] if picture.shape[2] == 4 else picture[..., 0]
        alpha = np.ascontiguousarray(picture[..., -1])
        return Image(np.ascontiguousarray(colour), alpha)
    return Image(np.ascontiguousarray(picture))


def like(image: Image, picture: object) -> Any:
    """An `Image` as the kind of picture that `picture` is; a Pillow image keeps its `info`.

    Where that is a path, the `Image` itself.
    """
    if isinstance(picture, (Image, str, Path)):
        return image
    array = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    if isinstance(picture, np.ndarray) and np.issubdtype(picture.dtype, np.floating):
        return np.divide(array, image.peak, dtype=np.float64).astype(picture.dtype)
    if not isinstance(picture, Pillow.Image):
        return array
    result = Pillow.fromarray(array)
    result.info = {k: v for k, v in picture.info.items() if k != "transparency"}
    return result


def _deep(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """0 to 1 -> 16 bits."""
    if not picture.size or not (picture.min() >= 0 and picture.max() <= 1):
        raise ValueError("a picture of floating-point numbers must have them, all from 0 to 1")
    return np.rint(picture * np.float64(65535)).astype(np.uint16)


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
