from __future__ import annotations

import numpy as np
import pytest
import torch

from aecli.models.melody import SPEC, Melody
from aecli.models.rolls import HOLD, PITCHES, REST, moved, rolls, symbols
from tests.tunes import tune


@pytest.fixture
def model() -> Melody:
    torch.manual_seed(0)
    return Melody(SPEC.presets["tiny"]).eval()


@pytest.fixture
def melodies() -> torch.Tensor:
    rng = np.random.default_rng(0)
    return rolls(torch.tensor([tune(rng) for _ in range(40)]))


def test_rolls_and_symbols_are_the_same(melodies: torch.Tensor) -> None:
    assert set(melodies.unique().tolist()) == {0, 1}
    assert torch.equal(rolls(symbols(melodies)), melodies)
    odd = torch.tensor([[HOLD, 3, HOLD, REST, HOLD, *[REST] * 27]])
    assert symbols(rolls(odd))[0, :5].tolist() == [REST, 3, HOLD, REST, REST]


def test_keys_are_found_whatever_the_octave(model: Melody) -> None:
    # rows count downwards from D sharp: row 3 is a C, and rows 3 - 2, 3 - 4 ... go up its scale
    scale = [27 - step for step in (0, 2, 4, 5, 7, 9, 11, 12)]
    c_major = rolls(torch.tensor([[row for row in scale for _ in range(4)]]))
    up = torch.arange(-12, 13)
    keys = model.key(moved(c_major[:, 0].expand(25, -1, -1), up)[:, None])
    assert ((keys - up) % 12 == 0).all()
    assert keys.min() == -6
    assert keys.max() == 5


def test_a_transposed_melody_differs_in_its_key_alone(
    model: Melody, melodies: torch.Tensor
) -> None:
    key = model.key(melodies)
    up = torch.where(key > 2, -3, 2)  # to another key, not beyond the ends of the row of keys
    higher = moved(melodies[:, 0], up)[:, None]
    z, z_higher = model.encode(melodies), model.encode(higher)
    assert torch.allclose(z[:, :-2], z_higher[:, :-2], atol=1e-5)
    assert ((z[:, -2:] - z_higher[:, -2:]).norm(dim=1) > 0.5).all()
    logits = model.logits(z)
    expected = torch.cat([moved(logits[:, :PITCHES], up), logits[:, PITCHES:]], 1)
    assert torch.allclose(model.logits(z_higher), expected, atol=1e-4)


def test_whatever_is_decoded_has_one_voice(model: Melody) -> None:
    drawn = model.decode(model.draw(torch.randn(50, *model.latent)))
    before, sounding = drawn[:, 0].reshape(50, PITCHES, 32, 2).unbind(3)
    assert sounding.sum(1).max() <= 1
    assert (before <= sounding).all()
    held = before[:, :, 1:] * (1 - sounding[:, :, :-1])
    assert held.sum() == 0, "what is held has sounded before"
