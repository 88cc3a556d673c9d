from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from aecli.models.dense import SPEC, Dense

TINY = SPEC.presets["tiny"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("variational", [True, False])
@pytest.mark.parametrize("widths", [(), (24,), (24, 12)])
def test_images_come_out_as_they_went_in(channels: int, variational: bool, widths) -> None:
    config = replace(TINY, channels=channels, variational=variational, widths=widths)
    model = Dense(config).eval()
    x = torch.rand(3, channels, 16, 16)
    with torch.inference_mode():
        out = model(x)
    assert out.shape == x.shape
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1
    assert model.encode(x).shape == (3, 2)


def test_a_class_enters_encoder_and_decoder() -> None:
    torch.manual_seed(0)
    model = Dense(replace(TINY, classes=("a", "b"))).eval()
    x, label = torch.rand(1, 1, 16, 16), torch.tensor([1])
    assert not torch.equal(model.encode(x), model.encode(x, label))
    assert not torch.equal(model.decode(torch.zeros(1, 2)), model.decode(torch.zeros(1, 2), label))


def test_a_plain_ones_latents_are_normalised() -> None:
    model = Dense(replace(TINY, variational=False)).train()
    with torch.no_grad():
        z = model.encode(torch.rand(64, 1, 16, 16))
    assert torch.allclose(z.mean(0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(z.std(0, correction=0), torch.ones(2), atol=0.05)
