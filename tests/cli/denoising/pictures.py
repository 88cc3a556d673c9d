"""Small noisy pictures, and files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLEAN = np.indices((40, 56)).sum(0)[..., None] * np.array([1, 2, 2.5]) + 10


def pixels(seed: int = 0, sigma: float = 25) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, CLEAN.shape)
    return np.clip(CLEAN + noise, 0, 255).round().astype(np.uint8)


def save(path: Path, array: np.ndarray | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels() if array is None else array).save(path, **options)
    return path


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
