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

from aecli.models.blocks import VectorAutoencoder
from aecli.models.registry import Geometry, ModelSpec, check_square


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
        check_square(self.size, self.channels, self.classes)
        if self.latent < 2:
            raise ValueError("latent must be at least 2")
        if any(width < 1 for width in self.widths):
            raise ValueError("widths must be positive")

    @property
    def detail(self) -> int:
        """None of the latent values is for the decoder alone."""
        return 0


class Dense(VectorAutoencoder):
    """See the module's docstring; offers the `Generator` protocol."""

    def __init__(self, config: DenseConfig) -> None:
        super().__init__(config.latent, len(config.classes), variational=config.variational)
        self.size, self.channels, self.classes = config.size, config.channels, config.classes
        shape = (config.channels, config.size, config.size)
        self.encoder = _layers((prod(shape) + self.label_width, *config.widths, self.predicted))
        back = (config.latent + self.label_width, *reversed(config.widths), prod(shape))
        self.decoder = nn.Sequential(_layers(back), nn.Unflatten(1, shape))

    def encoded(self, x: Tensor, label: Tensor | None) -> Tensor:
        """See `VectorAutoencoder`."""
        values: Tensor = self.encoder(self.labelled(x.flatten(1), label))
        return values.float()

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents (N, D), labels (N,) -> images (N, channels, size, size) within [0, 1]."""
        logits: Tensor = self.decoder(self.labelled(z, label))
        return logits.float().sigmoid()


def _layers(widths: tuple[int, ...]) -> nn.Sequential:
    """Dense layers with a ReLU between each two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


SPEC = ModelSpec(
    name="dense",
    tasks={"generate": "vae", "embed": "contrastive"},
    config=DenseConfig,
    build=Dense,
    geometry=Geometry.whole,
    presets={
        "base": DenseConfig(),
        "tiny": DenseConfig(size=16, latent=2, widths=(16,)),
    },
    summary="autoencoder of dense layers with a latent vector, variational or plain",
    paper="Hinton and Salakhutdinov 2006; Kingma and Welling 2014, appendix C.2",
)
