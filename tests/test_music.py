"""What the zoo says of melodies is measured rightly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aecli.models.rolls import HOLD, REST, rolls
from tests.benchmarks import music


def pictures(*melodies: list[int]) -> np.ndarray:
    """Melodies of one sixteenth a note, the rest silent."""
    symbols = torch.tensor([[*notes, *[REST] * (32 - len(notes))] for notes in melodies])
    return (255 * rolls(symbols)[:, 0]).byte().numpy()


def test_scales() -> None:
    major = [40 - step for step in (0, 2, 4, 5, 7, 9, 11, 12)]
    harmonic = [30 - step for step in (0, 2, 3, 5, 7, 8, 11, 12)]
    chromatic = list(range(20, 30))
    found = music._in_scale(pictures(major, harmonic, chromatic, [*major, 40, 39]))
    assert found.tolist() == [True, True, False, True], "nine of ten notes are enough"


def test_distances_and_ranges() -> None:
    a, b = pictures([5, HOLD, 9]), pictures([5, 9, HOLD])
    assert music._nearest(a, music._cells(np.concatenate([b, pictures([30] * 9)]))).tolist() == [2]
    assert music._ranges(a).tolist() == [4]
    assert music._f1(a, b) == pytest.approx(0.5)
