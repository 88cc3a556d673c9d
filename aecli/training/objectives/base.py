"""What an objective is, and what several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.datasets.collecting import collect
from aecli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from aecli.checkpoints.facts import Facts
    from aecli.datasets.item import Item
    from aecli.models.registry import Geometry
    from aecli.training.config import Recipe
    from aecli.training.data import Batch, Source
    from aecli.training.degradations.draws import Draws
    from aecli.training.observer import Observer

    Picture = NDArray[np.uint8]


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + 1e-6), a smooth L1 (Charbonnier et al. 1994)."""
    return (output - target).square().add(1e-6).sqrt().mean()


def rmse(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the pictures of each one's sqrt(MSE + 1e-6).

    Within a picture errors count by their squares, as for the PSNR; between pictures evenly, so
    that the noisiest do not have it all.
    """
    return (output - target).square().flatten(1).mean(1).add(1e-6).sqrt().mean()


def log_error(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the pictures of log(1 + MSE / 1e-5): the negative PSNR, moved and scaled.

    A decibel counts the same in every picture, as in the loss of Chen et al. (2022, NAFNet), until
    its error is below 0.8 of 255 levels, which nobody sees.
    """
    return (output - target).square().flatten(1).mean(1).mul(1e5).log1p().mean()


PIXEL_LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "rmse": rmse,
    "psnr": log_error,
    "charbonnier": charbonnier,
}
"""The functions behind `aecli.training.config.LOSSES`."""


def pixel_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """A pixel loss by name; UsageError names the nearest."""
    if name not in PIXEL_LOSSES:
        raise UsageError(f"unknown loss {name!r}", did_you_mean(name, PIXEL_LOSSES))
    return PIXEL_LOSSES[name]


@dataclass(frozen=True)
class Score:
    """A validation's figures, the primary one first, and rows of pictures to look at.

    Attributes:
        metrics: the figures.
        rows: what became of held-out pictures: input | output | clean, or the like.
        samples: new pictures, where the model makes any.
        warning: what is wrong with the model, in one line; None where nothing seems to be.
    """

    metrics: dict[str, float]
    rows: list[list[Picture]] = field(default_factory=list)
    samples: list[list[Picture]] = field(default_factory=list)
    warning: str | None = None


class HeldOut(Protocol):
    """Held-out images, as an objective needs them for its validation."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, part: slice, /) -> HeldOut:
        """Some of them."""
        ...


class Objective(Protocol):
    """What the engine needs of a task."""

    primary: str
    """The metric that chooses the best weights; higher is better."""

    def collect(self, names: Sequence[str]) -> list[Any]:
        """What DATA holds, one value an image; equal values are the same image.

        Raises:
            UsageError: no such file or folder, or no image in it.
        """
        ...

    def open(
        self,
        train: Sequence[Any],
        val: Sequence[Any],
        recipe: Recipe,
        geometry: Geometry,
        device: torch.device,
        observer: Observer,
    ) -> tuple[Source, HeldOut]:
        """Training images by number, and held-out ones for `validate`, of what `collect` found.

        What fits there lies on the device that trains.

        Raises:
            UsageError: the recipe's [data] does not suit the architecture.
            TrainingError: there is no usable image.
        """
        ...

    def opening(self, recipe: Recipe) -> Hashable:
        """What `open` goes by beside the images: stages with equal values share what it opens."""
        ...

    def begin(self, module: nn.Module, source: Any) -> None:
        """Freeze what this run does not train; called once, before the first step."""
        ...

    def batch(self, source: Any, draws: Draws) -> Batch:
        """Named tensors on the device, one row a sample of the source: what `loss` takes.

        A function of the draws alone. Runs in a thread of its own, without gradients.
        """
        ...

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], fraction: float
    ) -> dict[str, Tensor]:
        """The terms of the loss on a batch, each a scalar; their sum is minimised.

        `fraction` is the share of the run that is done.
        """
        ...

    def validate(self, module: nn.Module, held_out: Any, device: torch.device) -> Score:
        """Score a model on held-out images, or on a slice of them."""
        ...

    def facts(self) -> Facts:
        """What inference must know of the objective."""
        ...


class OfPictures:
    """The part of an objective that is the same for all that learn from pictures."""

    def collect(self, names: Sequence[str]) -> list[Item]:
        """Images, folders, and files of many pictures -> their pictures."""
        return collect(names, training=True)


def to_tensor(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [0, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float() / 255


def to_picture(image: Tensor) -> Picture:
    """(3, H, W) in [0, 1] -> uint8 HxWx3, clipped and rounded."""
    pixels = (image.float().clamp(0, 1) * 255).round().byte()
    return cast("Picture", pixels.permute(1, 2, 0).cpu().numpy())
