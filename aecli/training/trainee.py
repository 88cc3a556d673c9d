"""What is called, compiled and distributed in training: the model with its loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from aecli.device import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from aecli.training.objectives import Objective


class Trainee(nn.Module):
    """The model with its loss, as one module: what DistributedDataParallel wraps.

    Its parameters are all that is fitted: those of an objective's opponent, too.
    """

    def __init__(
        self, module: nn.Module, objective: Objective, opponent: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.module = module
        self.opponent = opponent
        self._objective = objective

    def forward(self, batch: Mapping[str, Tensor], fraction: float) -> dict[str, Tensor]:
        """The terms of the loss."""
        return self._objective.loss(self.module, batch, fraction)


class Compiled(nn.Module):
    """A module compiled when it is first called; where that fails it runs as it is."""

    def __init__(self, module: nn.Module, warn: Callable[[str], None]) -> None:
        super().__init__()
        self.module = module
        self._warn = warn
        self._compiled: Callable[..., dict[str, Tensor]] | None = torch.compile(module)

    def forward(self, batch: Mapping[str, Tensor], fraction: float) -> dict[str, Tensor]:
        """As the module's."""
        if self._compiled is not None:
            try:
                return self._compiled(batch, fraction)
            except (RuntimeError, ImportError) as error:  # torch's compiler raises many kinds
                if is_out_of_memory(error):
                    raise
                line = str(error).strip().partition("\n")[0]
                self._warn(f"not compiled, trained as it is: {line}")
                self._compiled = None
        out: dict[str, Tensor] = self.module(batch, fraction)
        return out
