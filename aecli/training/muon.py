"""Muon: steps of equal size in every direction of a layer's weights."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

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

EPSILON = 1e-8
"""Added to the root of Adam's second moment."""


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised (Jordan et al. 2024), for the convolutions inside a network.

    A kernel (out, in, h, w) counts as the matrix (out, in * h * w). Biases, first and last layers
    and other small ones take Adam's steps (Kingma and Ba 2015). Both have steps of one size, hence
    one learning rate (Liu et al. 2025, "Muon is Scalable for LLM Training"). PyTorch's own takes
    matrices only, one by one; here those of one shape are orthogonalised together.

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
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            states = [self.state[p] for p in params]
            gradients = [p.grad for p in params]
            if group["matrices"]:
                updates = _matrix_updates(gradients, states)
            else:
                updates = _adam_updates(gradients, states, group["betas"])
            if group["weight_decay"]:
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(params, updates, alpha=-group["lr"])


def is_matrix(p: Tensor) -> bool:
    """Whether a parameter is a convolution's or linear layer's weight, and large enough."""
    return p.ndim in (2, 4) and min(p.shape[:2]) >= LEAST


def _matrix_updates(gradients: list[Tensor], states: list[dict[str, Any]]) -> tuple[Tensor, ...]:
    for gradient, state in zip(gradients, states, strict=True):
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
    momenta = [state["momentum"] for state in states]
    torch._foreach_lerp_(momenta, gradients, 1 - DECAY)
    ahead = torch._foreach_lerp(gradients, momenta, DECAY)  # Nesterov's look ahead
    shapes: dict[torch.Size, list[int]] = defaultdict(list)
    for number, matrix in enumerate(ahead):
        shapes[matrix.shape].append(number)
    updates = list(ahead)
    for numbers in shapes.values():
        steps = orthogonal(torch.stack([_as_matrix(ahead[n]) for n in numbers]))
        steps *= SCALE * max(steps.shape[1:]) ** 0.5
        for number, step in zip(numbers, steps, strict=True):
            updates[number] = _as_kernel(step, ahead[number].shape)
    return tuple(updates)


def _as_matrix(kernel: Tensor) -> Tensor:
    """(out, in, h, w) -> (out, h * w * in), the order in which channels-last kernels lie in memory.

    In what order the columns are makes no difference to their being orthogonal.
    """
    return kernel if kernel.ndim == 2 else kernel.permute(0, 2, 3, 1).flatten(1)


def _as_kernel(matrix: Tensor, shape: torch.Size) -> Tensor:
    if len(shape) == 2:
        return matrix
    out, inputs, height, width = shape
    return matrix.view(out, height, width, inputs).permute(0, 3, 1, 2)


def _adam_updates(
    gradients: list[Tensor], states: list[dict[str, Any]], betas: tuple[float, float]
) -> tuple[Tensor, ...]:
    for gradient, state in zip(gradients, states, strict=True):
        if not state:
            state["steps"] = 0
            state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
        state["steps"] += 1
    means, squares = ([state[name] for state in states] for name in ("mean", "square"))
    torch._foreach_lerp_(means, gradients, 1 - betas[0])
    torch._foreach_mul_(squares, betas[1])
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - betas[1])
    first, second = ([1 - beta ** state["steps"] for state in states] for beta in betas)
    roots = torch._foreach_sqrt(torch._foreach_div(squares, second))
    torch._foreach_add_(roots, EPSILON)
    return torch._foreach_div(torch._foreach_div(means, first), roots)


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices (B, M, N) with their singular vectors, and all singular values from 0.7 to 1.2.

    On a GPU in bfloat16, as precise as it needs to be (Jordan et al. 2024).
    """
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    even = _iterated(x.bfloat16()).to(x.dtype) if x.is_cuda else _by_gram(x)
    return even if wide else even.mT


def _iterated(x: Tensor) -> Tensor:
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def _by_gram(x: Tensor) -> Tensor:
    """The same in a third of the time: the small matrices are multiplied with each other first.

    It takes all digits of float32: a rounded Gram matrix has negative eigenvalues, and they grow.
    """
    a, b, c = COEFFICIENTS
    gram = x @ x.mT
    product = torch.eye(x.shape[1], dtype=x.dtype, device=x.device).expand_as(gram)
    for _ in range(ITERATIONS):
        factor = b * gram + c * gram @ gram
        factor.diagonal(dim1=1, dim2=2).add_(a)
        product = factor @ product
        gram = factor @ gram @ factor
    return product @ x
