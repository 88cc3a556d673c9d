"""Small IDX files in the manner of MNIST."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 3


def write_idx(folder: Path, count: int, split: str = "train", side: int = 28) -> NDArray[np.uint8]:
    """Bars whose place and direction depend on their class; number k is of class k % 3."""
    rng = np.random.default_rng(count)
    pixels = np.zeros((count, side, side), np.uint8)
    for number, image in enumerate(pixels):
        at, value = int(rng.integers(4, side - 8)), int(rng.integers(150, 256))
        if number % CLASSES != 1:
            image[at : at + 4, 4:-4] = value
        if number % CLASSES != 0:
            image[4:-4, at : at + 4] = value
    labels = (np.arange(count) % CLASSES).astype(np.uint8)
    for name, header, data in (
        ("images-idx3", struct.pack(">4B3I", 0, 0, 8, 3, count, side, side), pixels),
        ("labels-idx1", struct.pack(">4BI", 0, 0, 8, 1, count), labels),
    ):
        (folder / f"{split}-{name}-ubyte.gz").write_bytes(gzip.compress(header + data.tobytes()))
    return pixels


def write_mnist(folder: Path) -> Path:
    """Training and test files side by side, as MNIST comes: 24 and 9 digits in a new folder."""
    folder.mkdir()
    write_idx(folder, 24)
    write_idx(folder, 9, split="t10k")
    return folder
