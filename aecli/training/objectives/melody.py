"""Melodies in two stages: a variational autoencoder of their symbols, then a prior over latents.

Both see every melody in another key each time: transposed at random, within the range of a roll.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.errors import UsageError, did_you_mean
from aecli.models.rolls import PITCHES, STEPS, moved, symbols
from aecli.tables import section
from aecli.training.degradations.draws import Draws, on_device
from aecli.training.objectives.flow import (
    FlowObjectiveConfig,
    MatchFlow,
    freeze_all_but_priors,
    priors,
)
from aecli.training.objectives.generating import CALIBRATED, Generating, to_images
from aecli.training.objectives.vae import VAEObjectiveConfig, Variational
from aecli.training.squares import Squares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from aecli.training.objectives.base import Objective
    from aecli.training.objectives.trainable import MelodyModel, VariationalModel, VectorConfig
    from aecli.training.squares import SquareDataset

FURTHEST = 6
"""Semitones that a melody is transposed by at most, up or down: to every key."""


@dataclass(frozen=True)
class MelodyObjectiveConfig(VAEObjectiveConfig):
    """The objective of a model of melodies: a VAE's, and of its prior.

    Attributes:
        train: `autoencoder`, or `prior`, which leaves the autoencoder as it is.
        time_spread: of the prior, as for `flow`.
    """

    train: str = "autoencoder"
    time_spread: float = 1.0


def melody(table: Mapping[str, Any], loss: str, model: VectorConfig) -> Objective:
    """The objective of the stage that `objective.train` names."""
    train = section(MelodyObjectiveConfig, table, "objective").train
    stages: Mapping[str, Callable[[], Objective]] = {
        "autoencoder": lambda: Compose(table, loss, model),
        "prior": lambda: MatchMelodies(table, model),
    }
    if train not in stages:
        raise UsageError(f"objective.train cannot be {train!r}", did_you_mean(train, stages))
    return stages[train]()


class Melodies(Generating):
    """The part that both stages share: transposition, and reconstructions by their notes."""

    def images(self, source: SquareDataset, draws: Draws) -> Tensor:
        """As there, transposed."""
        rolls = source.images[on_device(source.places(draws.numbers), draws.device)]
        return to_images(transposed(rolls, draws.uniform("transposition", 1)[:, 0]))

    def likeness(self, x: Tensor, output: Tensor) -> dict[str, float]:
        """`note_f1`: of notes, which are right if one of that pitch is struck at that time."""
        return {"note_f1": note_f1(symbols(x), symbols(output))}

    def with_copies(self, held_out: Squares) -> Squares:
        """Copies in other keys."""
        repeats = -(-CALIBRATED // len(held_out))
        rolls = torch.from_numpy(np.tile(held_out.images, (repeats, 1, 1)))
        share = np.random.default_rng([4, len(held_out)]).random(len(rolls))
        return Squares(transposed(rolls, share).numpy(), np.tile(held_out.labels, repeats))


class Compose(Melodies, Variational):
    """The first stage: a VAE whose reconstruction term is the cross entropy of the symbols."""

    settings = MelodyObjectiveConfig
    losses = {"cross_entropy": F.cross_entropy}  # noqa: RUF012 - as of `Variational`

    def begin(self, module: nn.Module, source: SquareDataset) -> None:  # noqa: ARG002 - the protocol's
        """Leave the priors alone."""
        for prior in priors(module):
            prior.requires_grad_(False)

    def error(self, model: VariationalModel, z: Tensor, label: Tensor | None, x: Tensor) -> Tensor:  # noqa: ARG002 - the prior's
        """The reconstruction term: the sum over a melody's symbols, averaged over melodies."""
        return self._reconstruction(cast("MelodyModel", model).logits(z), symbols(x)) * STEPS


class MatchMelodies(Melodies, MatchFlow):
    """The second stage, of melodies that are transposed: their latents are encoded anew."""

    def __init__(self, table: Mapping[str, Any], model: VectorConfig) -> None:
        config = section(MelodyObjectiveConfig, table, "objective")
        flow = FlowObjectiveConfig(
            time_spread=config.time_spread, class_dropout=config.class_dropout
        )
        super().__init__(flow, model, (model.latent,))
        self._model: MelodyModel

    def begin(self, module: nn.Module, source: SquareDataset) -> None:  # noqa: ARG002 - the protocol's
        """Freeze the autoencoder."""
        freeze_all_but_priors(module)
        self._model = cast("MelodyModel", module)

    def latents(self, source: SquareDataset, draws: Draws) -> Tensor:
        """As there."""
        return self._model.encode(self.images(source, draws))


def transposed(rolls: Tensor, share: NDArray[np.float64]) -> Tensor:
    """Rolls (N, 64, 64), each moved up or down as far as `FURTHEST` and its notes allow.

    Args:
        rolls: pictures of any type.
        share: which of the possible ways, (N,), uniform in [0, 1).
    """
    lit = rolls.bool().any(2).byte()
    above, below = lit.argmax(1), lit.flip(1).argmax(1)
    least, most = -below.clamp_max(FURTHEST), above.clamp_max(FURTHEST)
    way = on_device(share, rolls.device) * (most - least + 1)
    return moved(rolls, least + way.long().minimum(most - least))


def note_f1(reference: Tensor, output: Tensor) -> float:
    """F1 of the notes of symbols (N, 32): the same pitch struck at the same sixteenth."""
    struck, found = reference < PITCHES, output < PITCHES
    right = (struck & (reference == output)).sum()
    return float(2 * right / (struck.sum() + found.sum()).clamp_min(1))
