"""A recipe as a value: everything that decides a run, but for the images."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOSSES: Mapping[str, str] = {
    "l1": "crisp edges, outliers count little",
    "mse": "the highest PSNR, a little softer",
    "rmse": "MSE's root picture by picture, so that weak noise counts as well as strong",
    "psnr": "the highest mean PSNR: a decibel counts the same in every picture",
    "charbonnier": "L1 rounded off at zero, as crisp and calmer in flat areas",
    "bce": "values as probabilities of white, for the digits and shapes of a VAE alone",
    "cross_entropy": "of the notes of melodies, and for these alone",
}
"""The pixel losses, and what each makes of the picture."""


KEPT = ("best", "last")
OPTIMISERS = ("adamw", "muon")


@dataclass(frozen=True)
class DataConfig:
    """Which images a run sees, and how: what says crop is for restoration alone.

    Attributes:
        crop: side of the square crops, pixels.
        batch: images a step, over all ranks and accumulation steps.
        grey: share of the crops turned grey, 0 to 1.
        shrink: share of the crops taken from a picture shrunk to 3/4 or 1/2 of its side, 0 to 1.
        candidates: crops drawn from a picture for each that is used, the most detailed one; more
            than one keeps skies and walls from filling the batches.
        flips: whether crops are flipped and turned at random (the 8 symmetries of the square);
            generative models see whole pictures, and those mirrored left to right beside them.
        holdout: share of the images kept for validation where none are named, 0 to 1.
        val_crop: side of the validation crops, pixels.
        val_limit: validation images at most.
        device_share: share of a GPU's free memory that decoded images may take there, 0 to 1.
        cache_mb: decoded images held in the host's memory at most, MiB.
        workers: threads that prepare batches while the network is trained, or in turns with it
            where one or two cores are all there are, and all of them train; 0: none beside it.
    """

    crop: int = 96
    batch: int = 8
    grey: float = 0.15
    shrink: float = 0.3
    candidates: int = 1
    flips: bool = True
    holdout: float = 0.05
    val_crop: int = 192
    val_limit: int = 24
    device_share: float = 0.5
    cache_mb: int = 2048
    workers: int = 2


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are fitted.

    Attributes:
        optimiser: `adamw`, or `muon`, which goes further in as many steps where a network has
            wide layers (64 channels or more).
        lr: peak learning rate.
        final_lr: learning rate at the end, as a share of the peak.
        warmup: share of the run in which the learning rate rises from zero.
        betas: Adam's decay rates of the first and second moment.
        weight_decay: decoupled weight decay.
        clip: largest norm of the gradient; 0 switches clipping off.
        ema: decay of the weights' moving average, bias-corrected; 0 switches it off.
        accumulate: micro-batches that a rank's share of a batch is cut into, to save memory.
        loss: the pixel loss.
    """

    optimiser: str = "adamw"
    lr: float = 1e-3
    final_lr: float = 1e-3
    warmup: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    clip: float = 1.0
    ema: float = 0.999
    accumulate: int = 1
    loss: str = "l1"


@dataclass(frozen=True)
class RunConfig:
    """How long a run takes and what it leaves behind.

    Attributes:
        steps: optimiser steps; of several stages each takes its share, by its steps, of a number
            of steps or a time that is asked for all of them.
        keep: the weights that become the model, `best` by their validation or `last`.
        seed: of the initial weights, the crops and the degradation.
        validate_every: steps between validations.
        validate_share: share of the run's time that validation may take, 0 to 1: where it takes
            more, it comes less often, and in a run limited by time looks at fewer images.
        save_every: seconds between saves of the resume state.
        compile: whether the step is compiled, on a GPU: a minute at the start, faster afterwards.
    """

    steps: int = 20_000
    keep: str = "best"
    seed: int = 0
    validate_every: int = 1000
    validate_share: float = 0.1
    save_every: float = 180.0
    compile: bool = False


@dataclass(frozen=True)
class About:
    """What the checkpoint's metadata say of the data.

    Attributes:
        data: name of the training set.
        licence: licence of the training set.
        images: how many images that set is: of another number nothing is said. 0: of any.
    """

    data: str = ""
    licence: str = ""
    images: int = 0


_LIMITS: Mapping[tuple[float, float], tuple[str, ...]] = {
    (1, math.inf): (
        "data.crop",
        "data.batch",
        "data.candidates",
        "data.val_crop",
        "data.val_limit",
        "optim.accumulate",
        "run.steps",
        "run.validate_every",
    ),
    (0, math.inf): (
        "data.cache_mb",
        "data.workers",
        "optim.weight_decay",
        "optim.clip",
        "run.seed",
        "run.save_every",
    ),
    (0, 1): (
        "data.grey",
        "data.shrink",
        "data.holdout",
        "data.device_share",
        "run.validate_share",
        "optim.final_lr",
        "optim.warmup",
        "optim.ema",
    ),
}
"""The least and the largest sensible value of a recipe's keys."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run's weights, but for the images themselves.

    `model` and `objective` stay plain tables: the architecture's and the objective's own configs
    check them. `stage`, where it is not empty, lists the stages of the run, each of which starts
    from the weights of the one before: what it does otherwise, `section.key` -> value.
    """

    task: str
    model: Mapping[str, Any] = field(default_factory=dict)
    objective: Mapping[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)
    about: About = field(default_factory=About)
    stage: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        for (least, most), names in _LIMITS.items():
            rule = f"be at least {least}" if most == math.inf else f"lie between {least} and {most}"
            for name in names:
                part, _, key = name.partition(".")
                value = getattr(getattr(self, part), key)
                if not least <= value <= most:
                    raise UsageError(f"{name} must {rule}, not {value}")
        o = self.optim
        if o.optimiser not in OPTIMISERS:
            raise UsageError(
                f"unknown optimiser {o.optimiser!r}", did_you_mean(o.optimiser, OPTIMISERS)
            )
        if not 0 < o.lr < math.inf:
            raise UsageError(f"optim.lr must be positive, not {o.lr}")
        if not all(0 <= beta < 1 for beta in o.betas):
            raise UsageError(f"optim.betas must be below 1, not {list(o.betas)}")

        if self.run.keep not in KEPT:
            raise UsageError(
                f"run.keep cannot be {self.run.keep!r}", did_you_mean(self.run.keep, KEPT)
            )

    def as_table(self) -> dict[str, Any]:
        """The recipe as plain TOML values."""
        table: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return table
