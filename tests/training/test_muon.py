from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from aecli.training.muon import Muon, is_matrix, orthogonal


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (64, 300)])
def test_orthogonal_keeps_directions_and_evens_out_their_lengths(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    [result] = orthogonal(matrix[None])
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    lengths = torch.diagonal(u.T @ result @ v.T)
    assert 0.6 < float(lengths.min()) <= float(lengths.max()) < 1.3


def test_convolutions_inside_are_matrices_the_rest_is_not() -> None:
    inside, first = nn.Conv2d(32, 48, 3), nn.Conv2d(3, 48, 3)
    assert is_matrix(inside.weight)
    assert is_matrix(nn.Linear(32, 32).weight)
    assert not is_matrix(inside.bias)
    assert not is_matrix(first.weight)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1)
    return nn.Sequential(*layers, nn.Conv2d(32, 3, 1)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fit(module: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> float:
    x = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    loss = torch.zeros(())
    for _ in range(steps):
        loss = (module(x) - x.flip(1)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(loss.detach())


def muon(module: nn.Module, weight_decay: float = 0.0) -> Muon:
    return Muon(module, lr=3e-3, betas=(0.9, 0.99), weight_decay=weight_decay)


def test_a_network_learns() -> None:
    module = net()
    optimiser = muon(module)
    assert fit(module, optimiser, 60) < 0.1 * fit(net(), muon(net()), 1)


def test_a_step_has_adams_size() -> None:
    layer = nn.Conv2d(32, 48, 3, bias=False)
    before = layer.weight.detach().clone()
    layer.weight.grad = torch.randn(before.shape, generator=torch.Generator().manual_seed(3))
    muon(layer).step()
    step = (layer.weight.detach() - before).square().mean().sqrt()
    assert float(step) == pytest.approx(0.2 * 3e-3, rel=0.25)


def test_weight_decay_shrinks() -> None:
    module, decayed = net(), net()
    fit(module, muon(module), 1)
    fit(decayed, muon(decayed, weight_decay=10.0), 1)
    assert float(decayed[2].weight.detach().norm()) < float(module[2].weight.detach().norm())


def test_its_state_goes_on_where_it_stopped() -> None:
    module = net()
    optimiser = muon(module)
    fit(module, optimiser, 5)
    again = net()
    again.load_state_dict(module.state_dict())
    resumed = muon(again)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    fit(module, optimiser, 5)
    fit(again, resumed, 5)
    assert all(
        torch.equal(a, b) for a, b in zip(module.parameters(), again.parameters(), strict=True)
    )


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="closure"):
        muon(net()).step(lambda: 0.0)
