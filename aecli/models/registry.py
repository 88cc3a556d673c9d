"""What aecli knows of an architecture, and the registry that finds one by name.

The tensor contract, for every model: images are float32, NCHW, RGB, in [0, 1], sRGB-encoded as
stored. Grey images reach a model as three equal channels. Noise levels (sigma) are on the same
[0, 1] scale; only the command line speaks of 0 to 255.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aecli.errors import ModelError, UsageError, did_you_mean
from aecli.tables import section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor, nn


class Tiling(Enum):
    """Whether an image may be cut into tiles without changing the result."""

    EXACT = "exact"
    WHOLE_ONLY = "whole-only"


@dataclass(frozen=True)
class Geometry:
    """How the pixels of a model's output depend on those of its input.

    Attributes:
        multiple_of: input height and width must be multiples of this.
        minimum: smallest input height and width.
        radius: receptive-field radius in input pixels: an output pixel depends on no input pixel
            further away, along either axis, than this (counted from the aligned cell it lies in).
        scale: output pixels per input pixel, along each axis.
        tiling: EXACT where no layer looks further than `radius`.
        memory: peak working memory of one pass in fp32, bytes per input pixel; picks the tile.
    """

    multiple_of: int
    minimum: int
    radius: int
    scale: int = 1
    tiling: Tiling = Tiling.EXACT
    memory: int = 512

    @classmethod
    def whole(cls, config: Sized) -> Geometry:
        """That of a model of whole square images of one size."""
        side = config.size
        return cls(multiple_of=side, minimum=side, radius=side, tiling=Tiling.WHOLE_ONLY)


class Sized(Protocol):
    """A config of a model of square images."""

    @property
    def size(self) -> int:
        """Side of the images, pixels."""
        ...


SIDES = range(16, 129)
"""Sides that square images may have, pixels."""


def check_square(size: int, channels: int, classes: Sequence[str]) -> None:
    """Check what configs of models of square images have in common.

    Raises:
        ValueError: a side beyond `SIDES`, neither grey nor RGB, or a class named twice.
    """
    if size not in SIDES:
        raise ValueError(f"size must lie between {SIDES.start} and {SIDES.stop - 1}")
    if channels not in (1, 3):
        raise ValueError("channels must be 1 (grey) or 3 (colour)")
    if len(set(classes)) < len(classes):
        raise ValueError("classes must differ")


ESTIMATED = 128
"""Side of the squares that a noise level is estimated on: that of the crops learnt from."""


@runtime_checkable
class Denoiser(Protocol):
    """What a model for the task `denoise` offers."""

    def restore(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean image.

        Args:
            x: noisy images, (N, 3, H, W), H and W multiples of the geometry's `multiple_of`.
            sigma: noise level in [0, 1] units, (N, 1, 1, 1) or a map (N, 1, H, W).

        Returns:
            (N, 3, H, W), not clipped.
        """
        ...

    def estimate_sigma(self, x: Tensor) -> Tensor:
        """The noise level of each image: (N, 3, H, W) -> (N,), in [0, 1] units.

        It is asked on squares of `ESTIMATED` pixels, as what is seen near a border differs.
        """
        ...


@runtime_checkable
class SuperResolver(Protocol):
    """What a model for the task `upscale` offers."""

    def upscale(self, x: Tensor) -> Tensor:
        """The large picture.

        Args:
            x: small images, (N, 3, H, W), H and W multiples of the geometry's `multiple_of`.

        Returns:
            (N, 3, H * scale, W * scale), not clipped; scale is the geometry's.
        """
        ...


@runtime_checkable
class Autoencoder(Protocol):
    """What a model with a latent space offers: images to latents and back.

    Attributes:
        size: side of its square images, pixels.
        channels: 1 (grey) or 3 (RGB) of its images.
        latent: shape of one image's latent, (D,) or (C, h, w).
        classes: names of the classes it was trained to tell apart, in order; empty without any.
    """

    size: int
    channels: int
    latent: tuple[int, ...]
    classes: tuple[str, ...]

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of the latents: (N, channels, size, size), labels (N,) -> (N, *latent)."""
        ...

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents (N, *latent), labels (N,) -> images (N, channels, size, size), not clipped."""
        ...


@runtime_checkable
class Generator(Autoencoder, Protocol):
    """What a model for the task `generate` offers beside: a prior over its latents."""

    def draw(self, noise: Tensor, label: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Latents of the prior.

        Args:
            noise: standard normal, (N, *latent); the only source of randomness.
            label: classes (N,), int64; None: drawn without a class.
            temperature: scales the noise; below 1 is more typical, less varied.

        Returns:
            (N, *latent), to be decoded with the same labels.
        """
        ...


@dataclass(frozen=True)
class ModelSpec:
    """One architecture, as data.

    Attributes:
        name: unique in the registry.
        tasks: the commands it serves, and the training objective of each
            (`aecli.training.objectives`).
        config: a frozen dataclass of the architecture's hyper-parameters.
        build: config -> freshly initialised module.
        geometry: config -> Geometry.
        presets: named configs.
        summary: one sentence for `aecli models show`.
        paper: the source of the idea.
        renamed: settings that older checkpoints and recipes call otherwise, and what they are now.
    """

    name: str
    tasks: Mapping[str, str]
    config: type[Any]
    build: Callable[[Any], nn.Module]
    geometry: Callable[[Any], Geometry]
    presets: Mapping[str, Any]
    summary: str
    paper: str
    renamed: Mapping[str, str] = field(default_factory=dict)

    def configure(self, values: Mapping[str, Any]) -> Any:
        """A config from plain values (a recipe's, a checkpoint's); `preset` names a starting point.

        Raises:
            UsageError: a key that the config does not have, a value that does not suit it, or a
                preset that does not exist.
        """
        known = {f.name for f in dataclasses.fields(self.config)}
        given = {self.renamed.get(key, key): value for key, value in values.items()}
        preset = given.pop("preset", None)
        for key in given:
            if key not in known:
                raise UsageError(
                    f"{self.name} has no setting {key!r}", did_you_mean(key, known | {"preset"})
                )
        base: dict[str, Any] = {}
        if preset is not None:
            if preset not in self.presets:
                raise UsageError(
                    f"{self.name} has no preset {preset!r}", did_you_mean(preset, self.presets)
                )
            base = dataclasses.asdict(self.presets[preset])
        try:
            return section(self.config, base | given, self.name)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self.name}: {error}") from None


class Registry:
    """A set of ModelSpecs by name."""

    def __init__(self) -> None:
        self._specs: dict[str, ModelSpec] = {}

    def add(self, spec: ModelSpec) -> None:
        """Add an architecture; its name must be new."""
        if spec.name in self._specs:
            raise ValueError(f"architecture {spec.name!r} is registered twice")
        self._specs[spec.name] = spec

    def get(self, name: str) -> ModelSpec:
        """The architecture called `name`.

        Raises:
            ModelError: there is none; the hint names the nearest.
        """
        try:
            return self._specs[name]
        except KeyError:
            raise ModelError(
                f"unknown architecture {name!r}", did_you_mean(name, self._specs)
            ) from None

    def for_task(self, task: str) -> list[ModelSpec]:
        """The architectures that serve `task`, by name."""
        return sorted((s for s in self if task in s.tasks), key=lambda s: s.name)

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._specs.values())

    @classmethod
    def discover(cls) -> Registry:
        """All architectures in the modules beside this file: each offers itself as `SPEC`."""
        registry = cls()
        package = importlib.import_module(__package__ or "aecli.models")
        for module in pkgutil.iter_modules(package.__path__):
            spec = getattr(
                importlib.import_module(f"{package.__name__}.{module.name}"), "SPEC", None
            )
            if isinstance(spec, ModelSpec):
                registry.add(spec)
        return registry
