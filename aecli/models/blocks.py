"""Layers that architectures share."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor

MEAN = 0.45
"""About the mean of photographs: what enters a network is centred; it learns far sooner so."""

CLASS_WIDTH = 32
"""Length of a class's vector in `VectorAutoencoder`."""

LOG_VAR = 12.0
"""Bound of |z_log_var|: its exponential stays finite, its gradient alive where it matters."""


def in_full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """The block computes in the tensors' own precision, whatever is automatic around it."""
    if x.is_meta:  # shapes alone have no precision
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)


def constant(make: Callable[[], Tensor]) -> Tensor:
    """What a function computes, on the CPU wherever modules are being built, then moved there.

    Where models are only outlined that is the `meta` device, whose arithmetic would load torch's
    compiler: 1.6 s, more than torch itself.
    """
    home = torch.get_default_device()
    with torch.device("cpu"):
        return make().to(home)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), both 3x3, without normalisation (Lim et al., EDSR, 2017).

    (N, C, H, W) -> (N, C, H, W). Widens the receptive-field radius by 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        out: Tensor = self.second(F.relu(self.first(x), inplace=True)).add_(x)
        return out

    def begin_as_identity(self) -> Iterable[str]:
        """Let the block leave everything as it is, until it learns; the names of its weights."""
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]  # built with a bias
        return self.state_dict().keys()


def residual_stack(width: int, count: int) -> nn.Sequential:
    """`count` residual blocks in a row."""
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))


class Hourglass(nn.Module):
    """The inside of a U-Net (Ronneberger et al. 2015): encoder, bottleneck, decoder with skips.

    (N, widths[0], H, W) -> the same; H and W are multiples of 2 ** (levels - 1).

    Args:
        widths: channels a level; each level halves the grid.
        blocks: residual blocks a level, in the encoder and again in the decoder; the last level is
            the bottleneck.
        up: in and out channels -> the module that doubles the grid.
    """

    def __init__(
        self,
        widths: Sequence[int],
        blocks: Sequence[int],
        up: Callable[[int, int], nn.Module],
    ) -> None:
        super().__init__()
        *outer, bottom = widths
        steps = list(pairwise(widths))
        self.encoders = nn.ModuleList(
            residual_stack(w, n) for w, n in zip(outer, blocks, strict=False)
        )
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
        self.bottleneck = residual_stack(bottom, blocks[-1])
        self.ups = nn.ModuleList(up(b, a) for a, b in steps)
        self.decoders = nn.ModuleList(
            residual_stack(w, n) for w, n in zip(outer, blocks, strict=False)
        )

    def hourglass(self, features: Tensor) -> Tensor:
        """Down to the bottleneck and up again."""
        skips = []
        for encode, down in zip(self.encoders, self.downs, strict=True):
            features = encode(features)
            skips.append(features)
            features = down(features)
        features = self.bottleneck(features)
        for up, decode in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            features = decode(up(features) + skips.pop())
        return features


def hourglass_reach(blocks: Sequence[int], cell: int) -> tuple[int, int]:
    """How far an hourglass looks, and the side of its coarsest cell, both in input pixels.

    Every 3x3 convolution on a grid of cell c pixels widens the radius by c; a block has two, and
    stands in the encoder and in the decoder, the bottleneck's once. What strides add is the
    coarsest cell less one pixel; it is left to the caller, who knows the grid's other users.

    Args:
        blocks: residual blocks a level.
        cell: side of the finest grid's cells in input pixels.
    """
    *outer, bottom = blocks
    radius = 0
    for count in outer:
        radius += 4 * count * cell
        cell *= 2
    return radius + 2 * bottom * cell, cell


class ClassEmbedding(nn.Embedding):
    """A learnt vector for each of `classes` classes, and one more that stands for none.

    Labels are int64 (N,), from 0; `classes` itself means none, so does None in place of labels.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(classes + 1, width)

    def vectors(self, label: Tensor | None, count: int) -> Tensor:
        """Labels (N,), or None for N = `count` images without one -> (N, width)."""
        if label is None:
            label = torch.full((count,), self.num_embeddings - 1, device=self.weight.device)
        out: Tensor = self(label)
        return out

    def append(self, values: Tensor, label: Tensor | None) -> Tensor:
        """Vectors (N, K) with those of their classes after them: (N, K + width)."""
        return torch.cat([values, self.vectors(label, len(values)).to(values.dtype)], 1)


class VectorAutoencoder(nn.Module):
    """The base of autoencoders whose latents are vectors; a subclass gives `encoded` and `decode`.

    A variational one predicts `z_mean` and `z_log_var` (Kingma and Welling 2014), and N(0, I) is
    its prior; a plain one's latents are batch-normalised (Ioffe and Szegedy 2015).

    Args:
        latent: length D of a vector.
        classes: number of classes; 0: unconditional.
        variational: which of the two it is.

    Attributes:
        latent: (D,).
        predicted: how many values `encoded` has an image.
        label_width: values that `labelled` appends.
    """

    def __init__(self, latent: int, classes: int, *, variational: bool) -> None:
        super().__init__()
        self.latent, self.variational = (latent,), variational
        self.predicted = latent * (2 if variational else 1)
        self.label_width = CLASS_WIDTH if classes else 0
        self.embedding = ClassEmbedding(classes, CLASS_WIDTH) if classes else None
        self.normalise = None if variational else nn.BatchNorm1d(latent, affine=False)

    def encoded(self, x: Tensor, label: Tensor | None) -> Tensor:
        """Images (N, C, H, W), labels (N,) -> float32 (N, predicted)."""
        raise NotImplementedError

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents (N, D), labels (N,) -> images (N, C, H, W)."""
        raise NotImplementedError

    def posterior(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`z_mean` and `z_log_var` of q(z | x), each (N, D); for a variational model alone."""
        mean, log_var = self.encoded(x, label).chunk(2, 1)
        return mean, log_var.clamp(-LOG_VAR, LOG_VAR)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W), labels (N,) -> the mean of the latents, (N, D)."""
        if self.normalise is None:
            return self.posterior(x, label)[0]
        latent: Tensor = self.normalise(self.encoded(x, label))
        return latent

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

    def labelled(self, values: Tensor, label: Tensor | None) -> Tensor:
        """Vectors (N, K) with their class's appended where the model is conditional."""
        return values if self.embedding is None else self.embedding.append(values, label)
