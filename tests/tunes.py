"""Melodies made by chance, but in a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aecli.models.rolls import HOLD, REST

if TYPE_CHECKING:
    from pathlib import Path

SCALE = (0, 2, 4, 5, 7, 9, 11)


def tune(rng: np.random.Generator) -> list[int]:
    """32 symbols: notes of a major scale and rests, one to four sixteenths each."""
    melody: list[int] = []
    while len(melody) < 32:
        pitch = 20 + SCALE[rng.integers(7)] + 12 * rng.integers(2)
        length = int(rng.integers(1, 5))
        rest = bool(melody) and rng.random() < 0.2
        melody += [REST] * length if rest else [int(pitch), *[HOLD] * (length - 1)]
    return melody[:32]


def write(folder: Path, files: int, melodies: int = 4) -> None:
    """Write MIDI files of so many melodies each."""
    import torch

    from aecli.datasets import midi
    from aecli.models.rolls import rolls

    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        symbols = torch.tensor([tune(rng) for _ in range(melodies)])
        with (folder / f"{number}.mid").open("wb") as file:
            midi.write((255 * rolls(symbols)[:, 0]).byte().numpy(), file, {})
