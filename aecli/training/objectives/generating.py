"""What the objectives of generation share: whole squares, their classes, pictures to look at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor, nn

from aecli.checkpoints.facts import LatentFacts
from aecli.checkpoints.novelty import RoundTrip, measured
from aecli.datasets.collecting import evenly
from aecli.training import squares
from aecli.training.augment import Augmentation, Window, augmented
from aecli.training.degradations.draws import on_device
from aecli.training.objectives.base import OfPictures
from aecli.training.squares import SquareDataset, Squares

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from aecli.checkpoints.facts import Novelty
    from aecli.datasets.item import Item
    from aecli.models.registry import Autoencoder, Generator, Geometry
    from aecli.training.config import Recipe
    from aecli.training.degradations.draws import Draws
    from aecli.training.objectives.base import Picture
    from aecli.training.objectives.trainable import SquareConfig
    from aecli.training.observer import Observer

COLUMNS, ROWS = 10, 8
"""Of the pictures that a validation shows."""

SAME = 0.05
"""Share of the originals' spread below which samples are alike."""

CALIBRATED = 1000
"""Pictures that novelty is calibrated on, at least."""

SLIGHT = Augmentation(crop=0.9, border=0, turn=8, mirror=False, colour=0, damage=0)
"""What leaves a picture of the right kind."""


class Generating(OfPictures):
    """The part of an objective that is the same for every generative model.

    Args:
        model: the architecture's config.
        latent: shape of one latent.
    """

    def __init__(self, model: SquareConfig, latent: tuple[int, ...]) -> None:
        self.latent = latent
        self._copies: Squares | None = None
        self._novelty: Novelty | None = None
        self.size, self.channels, self.classes = model.size, model.channels, model.classes

    def open(
        self,
        train: Sequence[Item],
        val: Sequence[Item],
        recipe: Recipe,
        _geometry: Geometry,
        device: torch.device,
        observer: Observer,
    ) -> tuple[SquareDataset, Squares]:
        """All pictures as squares; with `data.flips` their mirror images beside them."""

        def load(items: Sequence[Item]) -> Squares:
            return squares.load(
                items,
                size=self.size,
                channels=self.channels,
                classes=self.classes,
                config=recipe.data,
                report=observer.warn,
            )

        held_out = load(evenly(val, recipe.data.val_limit))
        shown = load(train)
        if recipe.data.flips:
            shown = shown.with_mirrored()
        return SquareDataset(shown, recipe.run.seed, device), held_out

    def opening(self, recipe: Recipe) -> Hashable:
        """[data] but for the batches, and the seed."""
        return replace(recipe.data, batch=1), recipe.run.seed

    def begin(self, module: nn.Module, source: SquareDataset) -> None:
        """Nothing: all weights are trained."""

    def facts(self) -> LatentFacts:
        """The shape of a latent; once it is calibrated, how well pictures come out."""
        return LatentFacts(tuple(self.latent), self._novelty)

    @property
    def uncalibrated(self) -> bool:
        """Whether `calibrate` has never been called."""
        return self._novelty is None

    def calibrate(self, module: Autoencoder, held_out: Squares, device: torch.device) -> None:
        """Measure the errors that novelty is told from, on held-out pictures and copies of them."""
        if self._copies is None:
            self._copies = self.with_copies(held_out)
        images, labels = self.held_out(self._copies, device)
        self._novelty = novelty(module, images, labels)

    def with_copies(self, held_out: Squares) -> Squares:
        """Pictures, and copies of them of the same kind: `CALIBRATED` or more in all."""
        return with_copies(held_out)

    def images(self, source: SquareDataset, draws: Draws) -> Tensor:
        """The training pictures that samples are of, (N, channels, size, size)."""
        return to_images(source.images[on_device(source.places(draws.numbers), draws.device)])

    def likeness(self, x: Tensor, output: Tensor) -> dict[str, float]:
        """How good reconstructions (N, channels, size, size) are: `psnr`."""
        return {"psnr": psnr(x, output)}

    def labels(self, labels: Tensor) -> Tensor | None:
        """Labels as models take them: None without classes."""
        return labels if self.classes else None

    def dropped(self, labels: NDArray[np.int64], share: float, draws: Draws) -> Tensor:
        """The labels, with probability `share` none, so that the model learns both."""
        gone = draws.uniform("class", 1)[:, 0] < share
        return on_device(
            np.where(gone & bool(self.classes), len(self.classes), labels), draws.device
        )

    def held_out(self, held_out: Squares, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Validation pictures and their labels, as models take them."""
        x = to_images(torch.from_numpy(held_out.images).to(device))
        return x, self.labels(torch.from_numpy(held_out.labels).to(device))

    def draw(self, module: Generator, device: torch.device) -> list[list[Picture]]:
        """New pictures of fixed noise, so that one sees them improve; with classes a row of each.

        Rows of `COLUMNS`, `ROWS` of them or as many as there are classes, 16 at most.
        """
        rows = min(len(self.classes), 16) or ROWS
        count = rows * COLUMNS
        rng = np.random.default_rng(0)
        noise = torch.from_numpy(rng.standard_normal((count, *module.latent), np.float32))
        label = torch.arange(rows).repeat_interleave(COLUMNS).to(device) if self.classes else None
        images = to_pictures(module.decode(module.draw(noise.to(device), label), label))
        return [images[i : i + COLUMNS] for i in range(0, count, COLUMNS)]


def alike(samples: Sequence[Sequence[Picture]], originals: Tensor) -> str | None:
    """A warning where new pictures hardly differ, in as far as the originals do; else None.

    Args:
        samples: rows of pictures, HxW or HxWx3.
        originals: (N, channels, size, size) in [0, 1].
    """
    drawn = np.stack([picture for row in samples for picture in row]) / 255
    if drawn.std(0).mean() >= SAME * float(originals.std(0, correction=0).mean()):
        return None
    return "all samples are alike: the model does not tell pictures apart"


def with_copies(held_out: Squares) -> Squares:
    """Pictures, and copies of them, a little turned and shifted: `CALIBRATED` or more in all."""
    rng = np.random.default_rng([4, len(held_out)])
    repeats = -(-CALIBRATED // len(held_out))
    whole = Window(0, 0, held_out.images.shape[1])
    copies = [
        augmented(Pillow.fromarray(image), whole, int(whole.side), SLIGHT, rng)
        for _ in range(repeats - 1)
        for image in held_out.images
    ]
    images = [held_out.images, *([np.stack(copies)] if copies else [])]
    return Squares(np.concatenate(images), np.tile(held_out.labels, repeats))


def novelty(module: Autoencoder, images: Tensor, labels: Tensor | None) -> Novelty:
    """What pictures of the right kind are like, to tell others from them.

    Args:
        module: an `Autoencoder`.
        images: the pictures, (N, channels, size, size).
        labels: their classes, (N,), if the model knows any.
    """
    trips = []
    for start in range(0, len(images), ROWS * COLUMNS):
        part = slice(start, start + ROWS * COLUMNS)
        x, label = images[part], None if labels is None else labels[part]
        z = module.encode(x, label)
        output = module.decode(z, label).float().clamp(0, 1)
        trips.append((x, output, z.float(), module.encode(output, label).float()))
    return measured(RoundTrip(*(torch.cat(p).cpu().numpy() for p in zip(*trips, strict=True))))


def to_images(squares: Tensor) -> Tensor:
    """uint8 (N, H, W) or (N, H, W, 3) -> float32 (N, 1 or 3, H, W) in [0, 1]."""
    channels_last = squares if squares.ndim == 4 else squares[..., None]
    return channels_last.permute(0, 3, 1, 2).float() / 255


def to_pictures(images: Tensor) -> list[Picture]:
    """(N, 1 or 3, H, W) in [0, 1] -> uint8 HxW or HxWx3 each, clipped and rounded."""
    pixels = (images.float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)
    return cast("list[Picture]", list(pixels.squeeze(-1).cpu().numpy()))


def beside(originals: Tensor, outputs: Tensor) -> list[list[Picture]]:
    """Originals in rows, each above the row of their reconstructions."""
    shown = COLUMNS * (ROWS // 2)
    above, below = to_pictures(originals[:shown]), to_pictures(outputs[:shown])
    full = len(above) // COLUMNS * COLUMNS or len(above)
    width = min(COLUMNS, full)
    starts = range(0, full, width)
    return [side[i : i + width] for i in starts for side in (above, below)]


def psnr(originals: Tensor, outputs: Tensor) -> float:
    """Mean over the images of their PSNR in dB, outputs clipped and rounded to 8 bits."""
    pixels = (outputs.float().clamp(0, 1) * 255).round()
    error = (pixels - originals * 255).square().flatten(1).mean(1).clamp_min(1e-3)
    return float((10 * torch.log10(255**2 / error)).mean())
