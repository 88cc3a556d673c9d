"""A small smooth picture, and files of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import pictures

SMOOTH = np.indices((24, 30)).sum(0)[..., None] * np.array([2, 3, 4]) + 10


def save(path: Path | str, array: np.ndarray | None = None, **options) -> Path:
    return pictures.save(path, SMOOTH.astype(np.uint8) if array is None else array, **options)
