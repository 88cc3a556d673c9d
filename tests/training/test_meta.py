"""On a device of shapes alone: what a GPU would refuse, or wait for, without a GPU.

Operations on tensors of two devices raise there, and so does what asks for a value.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from aecli.training import recipes
from aecli.training.build import architecture, objective, optimiser
from aecli.training.degradations import camera, colour
from aecli.training.degradations.draws import Draws
from aecli.training.objectives.trainable import Contested
from aecli.training.pictures import Packed, Pyramid
from aecli.training.trainee import Trainee

META = torch.device("meta")
SIDE, SAMPLES = 48, 64
"""Enough samples that all that may happen to a picture happens to one."""


@pytest.fixture
def _nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This device draws nothing: it has no generators."""

    def normal(draws: Draws, _name: str, shape: Sequence[int]) -> torch.Tensor:
        return torch.empty(len(draws), *shape, device=draws.device)

    monkeypatch.setattr(Draws, "normal", normal)
    yield
    for kept in (camera._masks, colour._matrices):
        kept.cache_clear()


@pytest.mark.usefixtures("_nothing_drawn")
@pytest.mark.parametrize(
    "recipe",
    [
        "denoise/photo",
        "denoise/gaussian",
        "upscale/photo-x2",
        "upscale/clean-x3",
        "upscale/sharp-x4",
    ],
)
def test_a_step_is_done_on_the_device_without_waiting_for_it(recipe: str) -> None:
    task, _, name = recipe.partition("/")
    told = recipes.stages(recipes.load(task, name))[-1]
    spec, config = architecture(told)
    made: Any = objective(told, spec, config)
    clean = torch.empty(SAMPLES, 3, SIDE, SIDE, device=META)
    batch = made.degrade(clean, Draws(0, range(SAMPLES), META), np.arange(SAMPLES) % 7 == 0)
    assert {tensor.device for tensor in batch.values()} == {META}
    module = spec.build(config).to(META)
    opponent = made.opponent().to(META) if isinstance(made, Contested) else None
    trainee = Trainee(module, made, opponent)
    made.begin(module, None)
    fit = optimiser(trainee, told.optim, META)
    torch.stack(list(trainee(batch, 0.5).values())).sum().backward()
    fit.step()
    assert all(weight.grad is not None for weight in trainee.parameters())


def test_crops_are_cut_on_the_device() -> None:
    picture = np.zeros((96, 128, 3), np.uint8)
    packed = Packed([Pyramid.of(picture, 48, shrunk=True, detailed=True) for _ in range(2)], META)
    u = np.random.default_rng(0).random((SAMPLES, 3 + 2 * 4))
    crops = packed.crops(np.arange(SAMPLES) % 2, u, 48, shrink=0.5, flips=True)
    assert crops.device == META
    assert crops.shape == (SAMPLES, 3, 48, 48)


def test_the_device_refuses_what_a_gpu_does() -> None:
    there = torch.empty(3, device=META)
    with pytest.raises(RuntimeError, match="expected device"):
        there + torch.ones(3)
    with pytest.raises(RuntimeError, match=r"meta tensors"):
        float(there.sum())
