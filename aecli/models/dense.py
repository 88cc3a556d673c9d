"""Autoencoders of dense layers alone, the textbook's first: variational or plain.

Pixels, layers that narrow down to a latent vector, and the same layers back (Hinton and
Salakhutdinov 2006). A variational one (Kingma and Welling 2014, appendix C.2) predicts `z_mean` and
`z_log_var` and decodes a sample; a plain one's latents are batch-normalised (Ioffe and Szegedy
2015). With classes the class enters encoder and decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from aecli.models.blocks import ClassEmbedding
from aecli.models.registry import Geometry, ModelSpec

SIZES = range(16, 129)
"""Sides of the square images, pixels."""

CLASS_WIDTH = 32
"""Length of a class's vector."""

LOG_VAR = 12.0
"""Bound of |z_log_var|: its exponential stays finite."""


@dataclass(frozen=True)
class DenseConfig:
    """Hyper-parameters.

    Attributes:
        size: side of the images, pixels.
        channels: 1 for grey, 3 for RGB.
        latent: length of a latent vector.
        widths: units of the layers between pixels and latents, and of those back in reverse; empty:
            there are none, one layer each way.
        classes: names of the classes it tells apart; empty: unconditional.
        variational: False for a plain autoencoder.
    """

    size: int = 28
    channels: int = 1
    latent: int = 32
    widths: tuple[int, ...] = (512, 256)
    classes: tuple[str, ...] = ()
    variational: bool = True

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size must lie between {SIZES.start} and {SIZES.stop - 1}")
        if self.channels not in (1, 3):
            raise ValueError("channels must be 1 (grey) or 3 (colour)")
        if self.latent < 2:
            raise ValueError("latent must be at least 2")
        if any(width < 1 for width in self.widths):
            raise ValueError("widths must be positive")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must differ")

    @property
    def detail(self) -> int:
        """None of the latent values is for the decoder alone."""
        return 0


class Dense(nn.Module):
    """See the module's docstring; offers the `Generator` protocol."""

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.size, self.channels, self.classes = config.size, config.channels, config.classes
        self.latent = (config.latent,)
        shape = (config.channels, config.size, config.size)
        told = CLASS_WIDTH if config.classes else 0
        self.embedding = ClassEmbedding(len(config.classes), told) if told else None
        outputs = config.latent * (2 if config.variational else 1)
        self.encoder = _layers((prod(shape) + told, *config.widths, outputs))
        self.normalise = None if config.variational else nn.BatchNorm1d(config.latent, affine=False)
        back = (config.latent + told, *reversed(config.widths), prod(shape))
        self.decoder = nn.Sequential(_layers(back), nn.Unflatten(1, shape))

    def posterior(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`z_mean` and `z_log_var` of q(z | x), each (N, D); for a variational model alone."""
        mean, log_var = self._encoded(x, label).chunk(2, 1)
        return mean, log_var.clamp(-LOG_VAR, LOG_VAR)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, channels, size, size), labels (N,) -> the mean of the latents, (N, D)."""
        if self.normalise is None:
            return self.posterior(x, label)[0]
        latent: Tensor = self.normalise(self._encoded(x, label))
        return latent

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents (N, D), labels (N,) -> images (N, channels, size, size) within [0, 1]."""
        logits: Tensor = self.decoder(self._told(z, label))
        return logits.float().sigmoid()

    def draw(
        self,
        noise: Tensor,
        label: Tensor | None = None,  # noqa: ARG002 - the prior is the same for all classes
        temperature: float = 1.0,
    ) -> Tensor:
        """Latents of a variational model's prior N(0, I): the noise times temperature."""
        return noise * temperature

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Images -> their reconstructions from the mean of the latents."""
        return self.decode(self.encode(x, label), label)

    def _encoded(self, x: Tensor, label: Tensor | None) -> Tensor:
        values: Tensor = self.encoder(self._told(x.flatten(1), label))
        return values.float()

    def _told(self, values: Tensor, label: Tensor | None) -> Tensor:
        """Vectors (N, K) with their class's appended where the model is conditional."""
        return values if self.embedding is None else self.embedding.append(values, label)


def _layers(widths: tuple[int, ...]) -> nn.Sequential:
    """Dense layers with a ReLU between each two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def geometry(config: DenseConfig) -> Geometry:
    """Whole images of one size."""
    return Geometry.whole(config.size)


SPEC = ModelSpec(
    name="dense",
    tasks={"generate": "vae", "embed": "contrastive"},
    config=DenseConfig,
    build=Dense,
    geometry=geometry,
    presets={
        "base": DenseConfig(),
        "tiny": DenseConfig(size=16, latent=2, widths=(16,)),
    },
    summary="autoencoder of dense layers with a latent vector, variational or plain",
    paper="Hinton and Salakhutdinov 2006; Kingma and Welling 2014, appendix C.2",
)
