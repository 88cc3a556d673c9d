from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from aecli.models.flow import SPEC, Flow, FlowConfig

TINY = SPEC.presets["tiny"]


class Field(torch.nn.Module):
    """A velocity that is known: towards 0, and away from it where a class is told."""

    def forward(self, x: torch.Tensor, time: torch.Tensor, label: Any) -> torch.Tensor:
        return -x if label is None else x * time[:, None, None, None]


def flow(steps: int, **changed: Any) -> Flow:
    model = Flow(replace(TINY, steps=steps, **changed)).eval()
    model.prior = Field()  # type: ignore[assignment]
    return model


def test_digits_have_a_grid_of_seven() -> None:
    model = Flow(SPEC.presets["digits"])
    assert model.latent == (2, 7, 7)
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 1, 28, 28)
    parameters = sum(p.numel() for p in model.parameters())
    assert 2 * parameters < 4 << 20, "half precision fits into 4 MiB"
    assert 2 * sum(p.numel() for p in Flow(FlowConfig()).parameters()) < 4 << 20


def test_the_integrator_is_of_second_order() -> None:
    noise = torch.ones(1, *Flow(TINY).latent)
    truth = torch.tensor(-1.0).exp()
    errors = [float((flow(n).draw(noise) - truth).abs().max()) for n in (8, 16, 32)]
    assert errors[0] < 0.02
    assert errors[0] / errors[1] > 3
    assert errors[1] / errors[2] > 3


def test_temperature_scales_the_noise() -> None:
    noise = torch.randn(2, *Flow(TINY).latent)
    assert torch.allclose(flow(4).draw(noise, temperature=0.5), flow(4).draw(0.5 * noise))


def test_guidance_goes_from_no_class_towards_a_class_and_beyond() -> None:
    noise, label = torch.ones(1, *Flow(TINY).latent), torch.tensor([1])
    classes = {"classes": ("a", "b")}
    told = flow(32, **classes).draw(noise, label)
    assert torch.allclose(told, torch.tensor(0.5).exp().expand_as(told), atol=1e-2)
    alone = flow(32, guidance=0.0, **classes).draw(noise, label)
    assert torch.allclose(alone, flow(32).draw(noise))
    beyond = flow(32, guidance=2.0, **classes).draw(noise, label)
    assert bool((beyond > told).all())


def test_guidance_leads_away_from_a_weaker_prior() -> None:
    noise = torch.ones(1, *Flow(TINY).latent)

    class Weaker(torch.nn.Module):
        def forward(self, x: torch.Tensor, time: torch.Tensor, label: Any) -> torch.Tensor:
            return -0.5 * x

    ends = {}
    for guidance in (0, 1, 2):
        model = flow(64, guide_widths=(16,), guidance=guidance)
        model.guide = Weaker()  # type: ignore[assignment]
        ends[guidance] = float(model.draw(noise).mean())
    exponents = {0: -0.5, 1: -1.0, 2: -1.5}  # of x' = (weaker + w (prior - weaker)) x
    for guidance, exponent in exponents.items():
        assert ends[guidance] == pytest.approx(math.exp(exponent), rel=1e-2)


def test_latents_are_normalised_channel_by_channel() -> None:
    torch.manual_seed(0)
    z = Flow(TINY).encode(torch.rand(32, 1, 16, 16))
    assert torch.allclose(z.mean((0, 2, 3)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(z.var((0, 2, 3), correction=0), torch.ones(2), atol=0.05)


def test_the_prior_is_told_time_and_class() -> None:
    torch.manual_seed(0)
    model = Flow(replace(TINY, classes=("a", "b"), prior_widths=(16, 32))).eval()
    for parameter in model.prior.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, time = torch.randn(1, *model.latent), torch.tensor([0.5])
    first = model.velocity(x, time, torch.tensor([0]))
    assert not torch.allclose(first, model.velocity(x, time, torch.tensor([1])))
    assert not torch.allclose(first, model.velocity(x, time))
    assert not torch.allclose(first, model.velocity(x, time + 0.1, torch.tensor([0])))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"size": 28}, "with 3 widths size must be a multiple of 8"),
        ({"size": 136}, "size must lie between 16 and 128"),
        ({"channels": 4}, "channels"),
        ({"prior_widths": (24,)}, "multiples of 16"),
        ({"prior_widths": ()}, "at least one level"),
        ({"steps": 0}, "positive"),
        ({"blocks": -1}, "blocks"),
        ({"guidance": -0.5}, "guidance must not be negative"),
        ({"guide_widths": (8,)}, "guide_widths must be multiples of 16"),
        ({"classes": ("a", "a")}, "must differ"),
    ],
)
def test_impossible_configs_are_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(FlowConfig(), **changed)
