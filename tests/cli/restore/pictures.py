"""Picture files: written, read, measured, listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def save(path: Path | str, array: np.ndarray, **options) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def read(path: Path | str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def size(path: Path | str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def names(folder: Path | str = ".") -> list[str]:
    folder = Path(folder)
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def panel(figure: np.ndarray, picture: np.ndarray) -> int:
    """The column at which a figure of panels shows a picture, in its bottom rows; fails if none."""
    height, width = picture.shape[:2]
    for left in range(figure.shape[1] - width + 1):
        if np.array_equal(figure[-height:, left : left + width], picture):
            return left
    raise AssertionError("the picture is not in the figure")
