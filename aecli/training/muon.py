"""Muon: steps of equal size in every direction of a layer's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

DECAY = 0.95
"""Decay of a matrix's momentum, as in Jordan et al. 2024."""

SCALE = 0.2
"""Root mean square of a step at a learning rate of 1: AdamW's, so that rates carry over."""

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the Newton-Schulz iteration that brings all singular values near 1 (Jordan et al. 2024)."""

LEAST = 32
"""Layers with fewer inputs or outputs than this have too few directions to balance."""


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised (Jordan et al. 2024), for the convolutions inside a network.

    A kernel (out, in, h, w) counts as the matrix (out, in * h * w). Biases, first and last layers
    and other small ones take Adam's steps (Kingma and Ba 2015). Both have steps of one size, hence
    one learning rate (Liu et al. 2025, "Muon is Scalable for LLM Training"). PyTorch's own takes
    matrices only.

    Args:
        module: what to train.
        lr: learning rate.
        betas: Adam's decay rates.
        weight_decay: decoupled weight decay.
    """

    def __init__(
        self, module: nn.Module, *, lr: float, betas: tuple[float, float], weight_decay: float
    ) -> None:
        trained = [p for p in module.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if is_matrix(p) is wanted], "matrices": wanted}
            for wanted in (True, False)
        ]
        super().__init__(
            [group for group in groups if group["params"]],
            {"lr": lr, "betas": betas, "weight_decay": weight_decay},
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # as every optimiser's
        """One step along the gradients; a closure is not supported."""
        if closure is not None:
            raise ValueError("Muon takes no closure")
        for group in self.param_groups:
            update = _matrix_update if group["matrices"] else _adam_update
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.sub_(group["lr"] * update(p.grad, self.state[p], group["betas"]))


def is_matrix(p: Tensor) -> bool:
    """Whether a parameter is a convolution's or linear layer's weight, and large enough."""
    return p.ndim in (2, 4) and min(p.shape[:2]) >= LEAST


def _matrix_update(gradient: Tensor, state: dict[str, Any], _betas: tuple[float, float]) -> Tensor:
    if not state:
        state["momentum"] = torch.zeros_like(gradient)
    momentum: Tensor = state["momentum"].lerp_(gradient, 1 - DECAY)
    ahead = gradient.lerp(momentum, DECAY).flatten(1)  # Nesterov's look ahead
    step: Tensor = orthogonal(ahead).view_as(gradient)
    return step.mul_(SCALE * max(ahead.shape) ** 0.5)


def _adam_update(gradient: Tensor, state: dict[str, Any], betas: tuple[float, float]) -> Tensor:
    if not state:
        state["steps"] = 0
        state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
    state["steps"] += 1
    mean = state["mean"].lerp_(gradient, 1 - betas[0])
    square = state["square"].lerp_(gradient.square(), 1 - betas[1])
    first, second = (1 - beta ** state["steps"] for beta in betas)
    return cast("Tensor", mean / first / ((square / second).sqrt() + 1e-8))


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix (M, N) with its singular vectors, and all its singular values from 0.7 to 1.2.

    Each iteration multiplies by a polynomial of the Gram matrix; the small ones are multiplied with
    each other first, which takes a third of the time.
    """
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = x / (x.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    gram = x @ x.T
    product = torch.eye(len(x), dtype=x.dtype, device=x.device)
    for _ in range(ITERATIONS):
        factor = b * gram + c * gram @ gram
        factor.diagonal().add_(a)
        product = factor @ product
        gram = factor @ gram @ factor
    even: Tensor = product @ x
    return even if matrix.shape[0] <= matrix.shape[1] else even.T
