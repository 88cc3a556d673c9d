"""Latents to search by: edited copies of a picture agree, and the picture can be decoded.

Two views of each picture of a batch, as it is and edited, are encoded. Every latent has to find its
partner among all others of the batch (InfoNCE: van den Oord et al. 2018; as NT-Xent, Chen et al.
2020, SimCLR), and the decoder has to restore the picture. No labels take part.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.checkpoints.facts import Duplicates, EmbedFacts
from aecli.datasets.collecting import evenly
from aecli.errors import UsageError
from aecli.tables import section
from aecli.training import views
from aecli.training.augment import Augmentation, Window, augmented, central, plain, windows
from aecli.training.objectives.base import OfPictures, Score, pixel_loss
from aecli.training.objectives.generating import (
    SLIGHT,
    beside,
    novelty,
    psnr,
    to_images,
)
from aecli.training.objectives.trainable import StartsFromImages
from aecli.training.views import ViewDataset

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from aecli.checkpoints.facts import Novelty
    from aecli.datasets.item import Item
    from aecli.models.registry import Autoencoder, Geometry
    from aecli.training.config import Recipe
    from aecli.training.data import Batch
    from aecli.training.degradations.draws import Draws
    from aecli.training.objectives.base import Picture
    from aecli.training.objectives.trainable import VectorConfig
    from aecli.training.observer import Observer

CALIBRATED = 2000
"""Parts of pictures that near-duplicates and novelty are calibrated on, at least."""

STARTED_FROM = 4096
"""Parts of pictures whose principal components a linear autoencoder starts from."""

ENCODED_AT_ONCE = 256
"""Images that go through the encoder together in a validation."""

USUAL = 0.6
"""Least side, as a share of the shorter one, of the crops that novelty is calibrated on."""

FALSE_PAIRS = 1e-5
"""Share of pairs of different pictures that the threshold of near-duplicates lets pass."""

ALIKE = 1e-6
"""Difference between cosines that rounding makes."""


@dataclass(frozen=True)
class ContrastiveConfig(Augmentation):
    """The objective: how copies are augmented (see `Augmentation`), and what they tell.

    Attributes:
        part: side of the least part of a picture that counts as a picture of its own, as a share of
            its shorter side, 0 to 1; 1: whole pictures alone.
        temperature: of the softmax over cosine similarities; lower: the nearest others count most.
        reconstruction: weight of the pixel loss beside the contrastive one.
    """

    part: float = 0.4
    temperature: float = 0.1
    reconstruction: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.part <= 1:
            raise UsageError("objective.part must lie above 0, and not above 1")
        if not (self.temperature > 0 and self.reconstruction > 0):
            raise UsageError("objective.temperature and reconstruction must be positive")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What validation looks at, made once: images as models take them.

    Attributes:
        parts: parts of held-out pictures, `CALIBRATED` or more.
        copies: an edited copy of each.
        owner: the picture that each is a part of, (N,).
        usual: larger parts, slightly edited, on which novelty is calibrated.
        whole: the central squares of the pictures.
    """

    parts: Tensor
    copies: Tensor
    owner: Tensor
    usual: Tensor
    whole: Tensor

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, part: slice) -> HeldOut:
        kept = torch.isin(self.owner, torch.arange(len(self))[part])
        return HeldOut(
            self.parts[kept],
            self.copies[kept],
            self.owner[kept],
            self.usual[kept],
            self.whole[part],
        )


class Contrastive(OfPictures):
    """Edited copies of a picture find each other, and the picture is reconstructed."""

    primary = "recall"

    def __init__(self, table: Mapping[str, Any], loss: str, model: VectorConfig) -> None:
        self.config = section(ContrastiveConfig, table, "objective")
        self._augmentation = Augmentation(
            **{f.name: getattr(self.config, f.name) for f in fields(Augmentation)}
        )
        if model.variational or model.classes:
            raise UsageError("embed trains a plain autoencoder: model.variational = false")
        self._pixel_loss = pixel_loss(loss)
        self._size, self._channels, self._latent = model.size, model.channels, model.latent
        self._compared = model.latent - model.detail
        self._novelty: Novelty | None = None
        self._duplicates: Duplicates | None = None

    def open(
        self,
        train: Sequence[Item],
        val: Sequence[Item],
        recipe: Recipe,
        _geometry: Geometry,
        _device: torch.device,
        observer: Observer,
    ) -> tuple[ViewDataset, HeldOut]:
        """All pictures, in memory, and what validation looks at."""

        def load(items: Sequence[Item]) -> list[Pillow.Image]:
            return views.load(
                items,
                size=self._size,
                channels=self._channels,
                config=recipe.data,
                report=observer.warn,
            )

        held_out = self._prepared(load(evenly(val, recipe.data.val_limit)))
        return ViewDataset(load(train), recipe.data, recipe.run.seed), held_out

    def opening(self, recipe: Recipe) -> Hashable:
        """[data] but for the batches, the seed, and this objective's settings."""
        return replace(recipe.data, batch=1), recipe.run.seed, self.config

    def begin(self, module: nn.Module, source: ViewDataset) -> None:
        """Let a linear autoencoder, where one takes part, start from principal components."""
        if not isinstance(module, StartsFromImages) or module.linear is None:
            return
        parts = source.map(
            lambda p, rng: plain(p, self._window(p, rng), self._size), np.arange(STARTED_FROM)
        )
        module.start_from(_images(parts).to(next(module.parameters()).device))

    def batch(self, source: ViewDataset, draws: Draws) -> Batch:
        """`image`, a part of a picture, and an `edited` copy of it."""
        image, copy = zip(*source.map(self._pair, draws.numbers), strict=True)
        return {"image": _images(image).to(draws.device), "edited": _images(copy).to(draws.device)}

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`contrastive`, and the weighted `reconstruction`."""
        x, copies = batch["image"], batch["edited"]
        model = cast("Autoencoder", module)
        z = model.encode(torch.cat([x, copies]))
        image = model.decode(z[: len(x)])
        return {
            "contrastive": nt_xent(z[:, : self._compared], self.config.temperature),
            "reconstruction": self.config.reconstruction * self._pixel_loss(image, x),
        }

    def validate(self, module: nn.Module, held_out: HeldOut, device: torch.device) -> Score:
        """`recall` of held-out pictures by edited copies of them; `psnr` of the reconstruction.

        On the way the threshold of near-duplicates and the novelty are calibrated. All in float32,
        as vectors are stored.
        """
        with torch.autocast(device.type, enabled=False):
            return self._validate(module, held_out, device)

    def _validate(self, module: nn.Module, held_out: HeldOut, device: torch.device) -> Score:
        model = cast("Autoencoder", module)
        originals, queries = (
            F.normalize(
                torch.cat([model.encode(part) for part in torch.split(images, ENCODED_AT_ONCE)])
            )
            for images in (held_out.parts.to(device), held_out.copies.to(device))
        )
        likeness = queries @ originals.T
        best = likeness.max(1).values  # of originals that are the same, each is right
        recall = float((likeness.diagonal() >= best - ALIKE).float().mean())
        self._duplicates = _duplicates(likeness, held_out.owner.to(device))
        self._novelty = novelty(model, held_out.usual.to(device), None)
        whole = held_out.whole.to(device)
        output = model.decode(model.encode(whole))
        return Score({"recall": recall, "psnr": psnr(whole, output)}, beside(whole, output))

    def facts(self) -> EmbedFacts:
        """The shape of a latent; from the first validation on, what was calibrated."""
        return EmbedFacts((self._latent,), self._novelty, self._duplicates)

    def _pair(self, picture: Pillow.Image, rng: np.random.Generator) -> tuple[Picture, Picture]:
        """A part of a picture, and an edited copy of it."""
        window = self._window(picture, rng)
        copy = augmented(picture, window, self._size, self._augmentation, rng)
        return plain(picture, window, self._size), copy

    def _window(self, picture: Pillow.Image, rng: np.random.Generator) -> Window:
        return windows(*picture.size, self.config.part, rng)

    def _prepared(self, pictures: Sequence[Pillow.Image]) -> HeldOut:
        rng = np.random.default_rng([5, len(pictures)])
        repeats = -(-CALIBRATED // len(pictures))
        repeated = [picture for picture in pictures for _ in range(repeats)]
        parts, copies = zip(*(self._pair(picture, rng) for picture in repeated), strict=True)
        least = max(USUAL, self.config.part)
        usual = [
            augmented(picture, windows(*picture.size, least, rng), self._size, SLIGHT, rng)
            for picture in repeated
        ]
        whole = [plain(picture, central(*picture.size), self._size) for picture in pictures]
        return HeldOut(
            parts=_images(parts),
            copies=_images(copies),
            owner=torch.arange(len(pictures)).repeat_interleave(repeats),
            usual=_images(usual),
            whole=_images(whole),
        )


def _images(pictures: Sequence[NDArray[Any]]) -> Tensor:
    return to_images(torch.from_numpy(np.stack(pictures)))


def _duplicates(likeness: Tensor, owner: Tensor) -> Duplicates | None:
    """What tells near-duplicates; None where all pictures are parts of one.

    Args:
        likeness: cosines of N copies, in rows, and N originals, in columns.
        owner: the picture that each of the N is a part of.
    """
    false = likeness[owner[:, None] != owner]
    if not len(false):
        return None
    threshold = float(torch.quantile(false[:: max(1, len(false) >> 23)], 1 - FALSE_PAIRS))
    found = float((likeness.diagonal() >= threshold).float().mean())
    return Duplicates(round(threshold, 4), round(found, 4), FALSE_PAIRS)


def nt_xent(z: Tensor, temperature: float) -> Tensor:
    """How hard it is to tell each latent's partner from all others: a cross-entropy, nats.

    Args:
        z: (2N, D); the k-th and the (N + k)-th belong together.
        temperature: of the softmax over cosine similarities (NT-Xent, Chen et al. 2020, eq. 1).
    """
    with torch.autocast(z.device.type, enabled=False):
        unit = F.normalize(z.float())
        logits = unit @ unit.T / temperature
    count = len(z)
    logits = logits.masked_fill(torch.eye(count, dtype=torch.bool, device=z.device), -torch.inf)
    partner = torch.arange(count, device=z.device).roll(count // 2)
    return F.cross_entropy(logits, partner)
