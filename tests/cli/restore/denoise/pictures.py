"""Small noisy pictures, and files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import pictures

CLEAN = np.indices((40, 56)).sum(0)[..., None] * np.array([1, 2, 2.5]) + 10


def pixels(seed: int = 0, sigma: float = 25) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, CLEAN.shape)
    return np.clip(CLEAN + noise, 0, 255).round().astype(np.uint8)


def save(path: Path, array: np.ndarray | None = None, **options) -> Path:
    return pictures.save(path, pixels() if array is None else array, **options)
