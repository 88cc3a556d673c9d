"""What objectives ask of the networks they train, and of their configs, beside the task's protocol.

An architecture that names an objective in its spec offers what stands here under that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from aecli.models.registry import Generator, Sized

if TYPE_CHECKING:
    from torch import Tensor, nn


class UpscalerConfig(Protocol):
    """The config of a network for `upscale`."""

    @property
    def scale(self) -> int:
        """Output pixels per input pixel along each axis."""
        ...


class SquareConfig(Sized, Protocol):
    """The config of a network for square images."""

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        ...

    @property
    def latent(self) -> int:
        """Length of a latent vector, or channels of a latent grid."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it tells apart."""
        ...


class VectorConfig(SquareConfig, Protocol):
    """The config of an autoencoder whose latents are vectors: `vae`, `contrastive`."""

    @property
    def variational(self) -> bool:
        """Whether latents are drawn in training."""
        ...

    @property
    def detail(self) -> int:
        """How many of the latent values, the last ones, are for the decoder alone."""
        ...


class GridConfig(SquareConfig, Protocol):
    """The config of an autoencoder whose latents are grids: `flow`."""

    @property
    def cell(self) -> int:
        """Side of a latent's cell, pixels."""
        ...


class VariationalModel(Generator, Protocol):
    """What `vae` trains."""

    def posterior(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latents of images, (N, D) each."""
        ...


class FlowModel(Generator, Protocol):
    """What `flow` trains: an autoencoder, and then a prior.

    Attributes:
        prior: what `velocity` goes by.
        guide: what `weaker` goes by, None without.
    """

    prior: nn.Module
    guide: nn.Module | None

    def velocity(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """The velocity at points (N, *latent) and times (N,), 0 to 1: (N, *latent)."""
        ...

    def weaker(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """The velocity to be guided away from."""
        ...


class MelodyModel(VariationalModel, FlowModel, Protocol):
    """What `melody` trains: a VAE of symbols, and then a prior."""

    def logits(self, z: Tensor) -> Tensor:
        """Latents (N, D) -> logits of the symbols of each sixteenth, (N, 66, 32)."""
        ...


@runtime_checkable
class Contested(Protocol):
    """What an objective may offer: a network that is trained beside the model, against it."""

    def opponent(self) -> nn.Module:
        """That network, at random, as `loss` uses it from now on; called once, before `begin`.

        It is fitted by the same steps and kept in the resume state, but is no part of the model.
        """
        ...


@runtime_checkable
class StartsFromImages(Protocol):
    """What a network for `contrastive` may offer: to begin elsewhere than at random.

    Attributes:
        linear: the part of it that does, None where there is none.
    """

    linear: nn.Module | None

    def start_from(self, images: Tensor) -> None:
        """Begin with what can be computed from some images; nothing if training has begun."""
        ...
