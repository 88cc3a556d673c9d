"""What inference goes by: a checkpoint's facts, one dataclass a task, checked when they are read.

They stand among the entries of a checkpoint's `training`. What else stands there tells a reader how
the model was made, and is not relied upon.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from aecli.errors import UsageError
from aecli.tables import section

if TYPE_CHECKING:
    from collections.abc import Mapping

NOISES = ("white", "camera")
"""Kinds of noise: the same everywhere; or a camera's, which depends on the brightness."""

DEGRADATIONS = ("bicubic", "photo")
"""What small pictures went through: shrinking alone; or blur, noise and JPEG compression, too."""

PERCENTILES = 201
"""Of what a novelty's witnesses say, from the 0th to the 100th."""

_LARGEST_SCALE = 8


@dataclass(frozen=True)
class Facts:
    """What every task's facts offer; where a file lacks one, its default holds."""

    @classmethod
    def read(cls, training: Mapping[str, Any]) -> Self:
        """The facts among the entries of `training`.

        Raises:
            ValueError: one is of the wrong type, or impossible.
        """
        known = {field.name for field in fields(cls)}
        try:
            return section(cls, {k: v for k, v in training.items() if k in known}, "training")
        except UsageError as error:
            raise ValueError(error.message) from None

    def as_table(self) -> dict[str, Any]:
        """The entries that `read` reads, as plain JSON values, less those that are unknown."""
        return {key: _plain(value) for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class DenoiseFacts(Facts):
    """Of a denoiser.

    Attributes:
        noise: the kind of noise it removes, one of `NOISES`.
        sigma_max: the largest standard deviation that it was trained on, on the 0-255 scale.
    """

    noise: str = NOISES[0]
    sigma_max: float = 255.0

    def __post_init__(self) -> None:
        _check_one_of("noise", self.noise, NOISES)
        _check_between("sigma_max", self.sigma_max, 0, 255)


@dataclass(frozen=True)
class UpscaleFacts(Facts):
    """Of an upscaler.

    Attributes:
        scale: how many times larger its results are; None for what its geometry says.
        degradation: what its inputs went through, one of `DEGRADATIONS`; None where unknown.
    """

    scale: int | None = None
    degradation: str | None = None

    def __post_init__(self) -> None:
        if self.degradation is not None:
            _check_one_of("degradation", self.degradation, DEGRADATIONS)
        if self.scale is not None:
            _check_between("scale", self.scale, 0, _LARGEST_SCALE)


@dataclass(frozen=True)
class Novelty:
    """What pictures of the kind that a model was trained on are like (`aecli.checkpoints.novelty`).

    Attributes:
        missed: percentiles of what their reconstructions miss; they do not decrease.
        moved: those of how far their latents move when the reconstruction is encoded again.
        typical: root mean square of the change of each latent value, (D,).
        pictures: how many they were measured on.
    """

    missed: tuple[float, ...]
    moved: tuple[float, ...]
    typical: tuple[float, ...]
    pictures: int = 0

    def __post_init__(self) -> None:
        for name, line in (("missed", self.missed), ("moved", self.moved)):
            if len(line) != PERCENTILES or any(a > b for a, b in pairwise(line)):
                raise ValueError(f"training.novelty.{name} are not {PERCENTILES} percentiles")
        if not self.typical or min(self.typical) <= 0:
            raise ValueError("training.novelty.typical are not changes of latents")


@dataclass(frozen=True)
class LatentFacts(Facts):
    """Of a model with a latent space: those of `generate`, and the first of those of `embed`.

    Attributes:
        latent: shape of one picture's latent, (D,) or (C, h, w); None for what its config says.
        novelty: what tells pictures unlike those it was trained on; None where that is not known.
    """

    latent: tuple[int, ...] | None = None
    novelty: Novelty | None = None

    def __post_init__(self) -> None:
        if self.latent is not None:
            if len(self.latent) not in (1, 3) or min(self.latent) < 1:
                raise ValueError(f"training.latent is no shape of a latent: {self.latent}")
            if self.novelty is not None and len(self.novelty.typical) != math.prod(self.latent):
                raise ValueError("training.novelty.typical does not fit training.latent")


@dataclass(frozen=True)
class Duplicates:
    """How near-duplicates are told by their vectors.

    Attributes:
        threshold: the least cosine of two vectors of near-duplicates.
        recall: share of edited copies that reach it.
        false_pairs: share of pairs of different pictures that do.
    """

    threshold: float
    recall: float = 0.0
    false_pairs: float = 0.0

    def __post_init__(self) -> None:
        for name in ("threshold", "recall", "false_pairs"):
            _check_between(f"duplicates.{name}", getattr(self, name), -1, 1)


@dataclass(frozen=True)
class EmbedFacts(LatentFacts):
    """Of a model that makes vectors.

    Attributes:
        duplicates: how near-duplicates are told; None where that was not measured.
    """

    duplicates: Duplicates | None = None


FACTS: dict[str, type[Facts]] = {
    "denoise": DenoiseFacts,
    "upscale": UpscaleFacts,
    "generate": LatentFacts,
    "embed": EmbedFacts,
}
"""The facts of each task; those of others are none."""


def _plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    return list(value) if isinstance(value, tuple) else value


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"training.{name} is {value!r}, none of {', '.join(known)}")


def _check_between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"training.{name} is {value}, not from {low:g} to {high:g}")
