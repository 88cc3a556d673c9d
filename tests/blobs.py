"""Generative models whose pictures are known beforehand, to test what is done with them.

`blobs` has a latent vector: its first two numbers are where a bright spot lies. `mosaic` has a
latent grid: each number is the brightness of a square.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.models.registry import Geometry, ModelSpec, Registry, Tiling

KNOWS = {
    "novelty": {
        "missed": np.linspace(0, 0.05, 201).tolist(),
        "moved": np.linspace(0, 0.5, 201).tolist(),
        "typical": [1.0, 1.0],
    }
}
"""What `blobs` may say of its training: it saw spots."""


@dataclass(frozen=True)
class BlobsConfig:
    size: int = 16
    channels: int = 1
    latent: int = 2
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MosaicConfig:
    size: int = 16
    channels: int = 3
    latent: tuple[int, ...] = (3, 4, 4)
    classes: tuple[str, ...] = ()


class Blobs(nn.Module):
    """A spot as wide as the weight says, at the middle for z = 0; the last class is brightest."""

    def __init__(self, config: BlobsConfig) -> None:
        super().__init__()
        self.size, self.channels = config.size, config.channels
        self.latent, self.classes = (config.latent,), config.classes
        self.width = nn.Parameter(torch.tensor(2.0))

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        light = x.mean(1) / x.mean(1).sum((1, 2), keepdim=True)
        places = [(light.sum(d) * self._line()).sum(1) for d in (1, 2)]
        rest = torch.zeros(len(x), self.latent[0] - 2)
        return torch.cat([torch.stack(places, 1), rest], 1)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        spread = (self.width / self.size * 8) ** 2
        x, y = ((-((self._line() - z[:, d, None]) ** 2) / spread).exp() for d in (0, 1))
        bright = 1 if label is None else ((label + 1) / len(self.classes))[:, None, None]
        return (bright * y[:, :, None] * x[:, None, :])[:, None].expand(-1, self.channels, -1, -1)

    def draw(self, noise: Tensor, label: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return temperature * noise

    def _line(self) -> Tensor:
        return torch.linspace(-4, 4, self.size)


class Mosaic(nn.Module):
    """Squares of one brightness: half for z = 0."""

    def __init__(self, config: MosaicConfig) -> None:
        super().__init__()
        self.size, self.channels = config.size, config.channels
        self.latent, self.classes = config.latent, config.classes
        self.steepness = nn.Parameter(torch.tensor(1.0))

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(x, self.latent[1:]).clamp(0.01, 0.99).logit()

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return nn.functional.interpolate((self.steepness * z).sigmoid(), size=self.size)

    def draw(self, noise: Tensor, label: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return temperature * noise


def _spec(name: str, config: type, build: type[nn.Module]) -> ModelSpec:
    def geometry(config: object) -> Geometry:
        return Geometry(config.size, config.size, config.size, tiling=Tiling.WHOLE_ONLY)

    tasks = {"generate": "none", "embed": "none"}
    return ModelSpec(name, tasks, config, build, geometry, {}, "a test's", "none")


SPECS = {
    "blobs": _spec("blobs", BlobsConfig, Blobs),
    "mosaic": _spec("mosaic", MosaicConfig, Mosaic),
}


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `blobs` and `mosaic` be architectures for the length of a test."""
    genuine = Registry.discover()

    def discover(cls: type[Registry]) -> Registry:
        registry = Registry()
        for spec in (*genuine, *SPECS.values()):
            registry.add(spec)
        return registry

    monkeypatch.setattr(Registry, "discover", classmethod(discover))


def install(
    name: str,
    architecture: str = "blobs",
    *,
    task: str = "generate",
    training: dict[str, object] | None = None,
    **config: object,
) -> Path:
    """A model of the user's own."""
    spec = SPECS[architecture]
    full = spec.config(**config)
    path = store.user_folder() / store.file_name(task, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = checkpoints.Meta(architecture, dataclasses.asdict(full), task, name, training or {})
    checkpoints.save(path, spec.build(full).state_dict(), meta)
    return path
