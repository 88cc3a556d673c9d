"""Photographs and other pictures as batches."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

CLEAN = sorted((Path(__file__).parents[2] / "data" / "clean").glob("*.png"))


def photographs(height: int, width: int) -> Tensor:
    """(3, 3, height, width), whole levels of 255 in [0, 1]; the same photographs each time."""
    pictures = [Image.open(path).convert("RGB") for path in CLEAN]
    crops = [np.array(picture)[:height, :width] for picture in pictures]
    return to_batch(np.stack(crops))


def to_batch(pictures: np.ndarray) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) float32."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def to_pictures(batch: Tensor) -> np.ndarray:
    """(N, 3, H, W) float32 to (N, H, W, 3) uint8."""
    return (batch * 255).round().byte().permute(0, 2, 3, 1).numpy()


def is_whole(batch: Tensor) -> bool:
    """Whether all values are levels of 8 bits."""
    levels = batch * 255
    whole = (levels - levels.round()).abs().max() < 1e-3
    return bool(whole) and bool(batch.min() >= 0) and bool(batch.max() <= 1)
