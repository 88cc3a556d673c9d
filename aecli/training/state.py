"""Resume state: everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from aecli.checkpoints.format import present
from aecli.errors import InputError, Reason, TrainingError
from aecli.files.atomic import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

FILE = "state.pt"


class WeightAverage:
    """Exponential moving average of a module's weights that does not remember its start.

    Its horizon grows with the run until it reaches that of `decay`: the t-th weights count by
    max(1 - decay, 10 / (9 + t)). So the first replace the initial ones altogether, and a short run
    is averaged over its last tenth, not pulled towards weights that had learnt nothing yet.

    Args:
        module: whose weights; from now on it changes them in place.
        decay: 0 switches averaging off.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {k: v.detach().clone() for k, v in module.state_dict().items()}
        pairs = [(self.weights[k], v.detach()) for k, v in module.state_dict().items()]
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take the module's present weights in."""
        self.updates += 1
        share = max(1 - self.decay, 10 / (9 + self.updates)) if self.decay else 1.0
        ours, theirs = zip(*self._averaged, strict=True)
        torch._foreach_lerp_(ours, theirs, share)
        for mine, its in self._copied:
            mine.copy_(its)

    def load(self, weights: Mapping[str, Tensor], updates: int) -> None:
        """Go on from a saved average."""
        self.updates = updates
        for name, value in self.weights.items():
            value.copy_(weights[name])


@dataclass
class State:
    """What is saved.

    Attributes:
        step: optimiser steps done.
        seconds: time spent, over all sessions of the run.
        best: the primary metric of the best weights so far.
        origin: the model whose weights the run started from.
        recipe: the whole recipe, all stages, as a table.
        files: names of the training images, to tell when the data has changed.
        module, average, optimiser, scaler: their state dicts.
        updates: updates of the average.
        limit: seconds that the whole run is to take, None where its steps end it.
        validated: images that its validations look at, 0 where that is not settled yet.
        earlier: the stages before this one, those of the origin included, for the metadata.
        opponent: the state dict of what is trained against the module, None where nothing is.
    """

    step: int
    seconds: float
    best: float
    origin: str | None
    recipe: dict[str, Any]
    files: list[str]
    module: Mapping[str, Tensor]
    average: Mapping[str, Tensor]
    updates: int
    optimiser: dict[str, Any]
    scaler: dict[str, Any]
    limit: float | None = None
    validated: int = 0
    earlier: list[dict[str, Any]] = field(default_factory=list)
    opponent: Mapping[str, Tensor] | None = None

    def save(self, folder: Path) -> None:
        """Write it to `folder`; the old one is replaced only once the new one is complete.

        Raises:
            TrainingError: it cannot be written, because the disk is full, for example.
        """
        content = io.BytesIO()
        torch.save(asdict(self), content)
        try:
            with atomic(folder / FILE, overwrite=True) as file:
                file.write(content.getbuffer())
        except InputError as error:
            raise TrainingError(error.message, "the last good state is kept") from error

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read it back, on the CPU.

        Raises:
            TrainingError: there is none, or it is damaged.
        """
        path = folder / FILE
        if not path.is_file():
            raise TrainingError(f"there is nothing to resume in {folder}", reason=Reason.NO_RUN)
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            for part in ("module", "average"):
                saved[part] = {present(name): value for name, value in saved[part].items()}
            return cls(**saved)
        except Exception as error:  # torch.load raises whatever the damaged bytes lead to
            line = str(error).partition("\n")[0]
            raise TrainingError(f"{path} is damaged: {line}") from None
