"""What comes out of `aecli generate`, taken apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

TILE, GAP = 16, 2


def read(path: Path | str | bytes) -> np.ndarray:
    with Image.open(io.BytesIO(path) if isinstance(path, bytes) else path) as image:
        return np.asarray(image)


def text(path: Path | str) -> dict[str, str]:
    with Image.open(path) as image:
        return image.text


def cut(sheet: np.ndarray, gap: int = GAP) -> np.ndarray:
    """The tiles of a grid: rows x columns x height x width [x 3]."""
    step = TILE + gap
    rows, columns = ((length + gap) // step for length in sheet.shape[:2])
    return np.array(
        [[sheet[r * step :, c * step :][:TILE, :TILE] for c in range(columns)] for r in range(rows)]
    )


def place(tile: np.ndarray) -> tuple[float, float]:
    """Where the spot of a tile lies, in latent units."""
    light = tile / tile.sum()
    line = np.linspace(-4, 4, TILE)
    return float(light.sum(0) @ line), float(light.sum(1) @ line)


def error(result, code: int = 2) -> str:
    """The one error line, hint behind it, of a call that must fail."""
    assert result.code == code, result.err
    assert result.out == b""
    first, *hint = [line.partition(": ")[2] for line in result.err.splitlines()]
    assert first.startswith("error: ")
    assert len(hint) <= 1
    return " | ".join([first, *hint])
