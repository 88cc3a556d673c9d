"""Coloured noise: coarse or fine, more or less of it in the colours, uneven by brightness."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli.training.degradations.blur import around
from aecli.training.degradations.colour import from_opponent, luma
from aecli.training.degradations.draws import constant

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.training.degradations.draws import Draws

    Array = NDArray[np.float64]

KNOTS = 6
"""Points of the curve that says how strong noise is at which brightness."""


def coloured_noise(clean: Tensor, draws: Draws, grey: Tensor) -> Tensor:
    """What cameras, scanners and editors leave: soft, coarse, coloured noise of uneven strength.

    Luma and the two colour differences have a spectrum each, a sum of two Gaussian ones of random
    width (fine grain and coarse); in part of the pictures grains lie or stand, as demosaicing and
    noise reduction along edges leave them. Colours are smeared further, as every camera does.
    Strength follows a random curve of brightness. In most pictures something was reduced before,
    where the picture is flat: where it has detail, the same noise is stronger, finer and less
    smeared (on real photographs up to five times as strong).

    Args:
        clean: (N, 3, H, W) in [0, 1].
        draws: of all that is random.
        grey: (N, 1, 1, 1), pictures whose noise is grey, too.

    Returns:
        The noise alone, (N, 3, H, W).
    """
    u = draws.uniform("coloured", 16)
    sigma = np.exp(np.log(0.8) + (np.log(20) - np.log(0.8)) * u[:, 0] ** 1.15) / 255
    # Blur of the fine grain in luma, pixels: none for a fifth of the pictures.
    fine = np.where(u[:, 1] < 0.2, 0.0, 0.25 + 1.15 * u[:, 2] ** 1.2)
    coarse = fine + 0.8 + 3.0 * u[:, 3] ** 2
    coarse_share = np.where(u[:, 4] < 0.4, 0.0, 0.5 * u[:, 5] ** 2)  # of the luma's variance
    plain = u[:, 6] < 0.15  # channels as alike as luma: no smearing of colours
    smear = np.where(plain, fine, fine + 0.3 + 4.7 * u[:, 7] ** 1.5)
    colour = np.where(plain, 0.6, 0.12 + 0.85 * u[:, 8] ** 1.3)  # strength against luma's
    oblong = u[:, 9] < 0.4
    stretch = np.exp(np.where(oblong, 0.3 + 0.9 * u[:, 10], 0.2 * u[:, 10]))
    fine = np.where(oblong, np.maximum(fine, 0.4), fine)
    lying = np.where(u[:, 14] < 0.4, 0.5, u[:, 15])

    blur = np.stack([fine, smear, smear * np.exp(0.5 * (u[:, 11] - 0.5))], 1)
    wide = np.stack([coarse, smear + coarse, smear + coarse], 1)
    share = np.stack([coarse_share, 0.3 * u[:, 12], 0.3 * u[:, 12]], 1)
    form = draws.on_device(np.stack([stretch, lying], 1))
    size = clean.shape[-2:]

    def grain(blur: Array, wide: Array, share: Array) -> Tensor:
        fine, coarse, mixed = draws.on_device(np.stack([blur, wide, share])).unbind()
        spectrum = _spectrum(fine, coarse, mixed, form, size)
        planes: Tensor = torch.fft.irfft2(white * spectrum, s=size)
        return planes

    white = torch.fft.rfft2(draws.normal("coloured", clean.shape[1:]))
    planes = grain(blur, wide, share)
    v = draws.uniform("reduced", 8)
    reduced = v[:, :1] < 0.8
    sharper = np.where(reduced, 0.2 + 0.8 * v[:, 1:4], 1.0)
    stronger = np.where(reduced, np.exp(2.2 * v[:, 4:5] + 0.5 * (2 * v[:, 5:8] - 1)), 1.0)
    left = grain(blur * sharper, wide * sharper[:, :1], share * np.where(reduced, 0.5, 1.0))
    left *= draws.on_device(stronger)[:, :, None, None]
    light = luma(clean)
    bright = around(light) / 9
    planes.lerp_(left, _detail(light, bright, draws))
    balance = np.exp(0.5 * (u[:, 13] - 0.5))
    strength = np.stack([np.ones_like(colour), colour * balance, colour / balance], 1)
    levels = draws.on_device(strength * sigma[:, None])
    levels[:, 1:].masked_fill_(grey[:, :, 0, 0], 0)
    noise = from_opponent(planes * levels[:, :, None, None])
    return noise * _gain(bright, draws)


def _spectrum(blur: Tensor, wide: Tensor, share: Tensor, form: Tensor, size: torch.Size) -> Tensor:
    """Amplitudes (N, 3, H, W // 2 + 1) of unit-variance noise: two Gaussian blurs' mixture.

    The power is a sum of four products of a column and a row: of the two blurs lying and standing.

    Args:
        blur, wide: sigma of the fine and the coarse blur, pixels, (N, 3).
        share: of the coarse one in the variance, (N, 3).
        form: (N, 2), how much longer than wide a grain is, as the square root of the ratio, and the
            share of the grains that lie; the others stand.
        size: H, W.
    """
    height, width = size
    stretch, lying = form[:, None, :, None].unbind(2)  # (N, 1, 1)
    sigma = torch.stack([blur, wide], 2)
    low, high = sigma / stretch, sigma * stretch
    down = _gaussian(torch.cat([low, high], 2), torch.fft.fftfreq(height, device=blur.device))
    right = _gaussian(torch.cat([high, low], 2), torch.fft.rfftfreq(width, device=blur.device))
    kinds = torch.cat([lying.expand_as(sigma), (1 - lying).expand_as(sigma)], 2)  # (N, 3, 4)
    each = kinds * down.mean(3) * (right @ _half(width, blur.device))
    mean = each.view(*share.shape, 2, 2).sum(2)  # of the two blurs
    weights = kinds * (torch.stack([1 - share, share], 2) / mean).repeat(1, 1, 2)
    return ((weights[..., None] * down).mT @ right).sqrt_()


def _gaussian(sigma: Tensor, frequency: Tensor) -> Tensor:
    """Power of blurs (...), sigma in pixels, at frequencies (F,) in cycles a pixel: (..., F)."""
    return torch.exp(-((2 * math.pi * sigma[..., None] * frequency) ** 2))


@cache
def _half(width: int, device: torch.device) -> Tensor:
    """The share of the whole spectrum that each column of half of it stands for: (W // 2 + 1,)."""
    columns = np.arange(width // 2 + 1)
    twice = np.where((columns == 0) | (2 * columns == width), 1.0, 2.0)
    return constant(twice / width, device)


def _gain(bright: Tensor, draws: Draws) -> Tensor:
    """Strength of the noise at each place by its brightness (N, 1, H, W), about 1: likewise."""
    u = draws.uniform("gain", KNOTS + 3)
    knots = np.exp(np.where(u[:, KNOTS, None] < 0.3, 0.15, 0.5) * (2 * u[:, :KNOTS] - 1))
    knots[:, 0] *= 0.5 + 0.5 * u[:, KNOTS + 1]  # black and white leave less room
    knots[:, -1] *= 0.4 + 0.6 * u[:, KNOTS + 2]
    return curve(bright, draws.on_device(knots))


def _detail(light: Tensor, bright: Tensor, draws: Draws) -> Tensor:
    """How little of the noise was reduced at each place: from 0 where flat to 1, (N, 1, H, W).

    Args:
        light: luma, (N, 1, H, W).
        bright: its mean around each pixel, likewise.
        draws: of all that is random.
    """
    half = (0.5 + 9.0 * draws.uniform("detail", 1) ** 2) / 255  # the step at which it is half
    step = around((light - bright).abs_()) / 9
    return step / (step + draws.on_device(half)[:, :, None, None])


def curve(x: Tensor, knots: Tensor) -> Tensor:
    """A piecewise linear curve a sample: x (N, 1, H, W) in [0, 1], knots (N, K), evenly spaced."""
    place = x.clamp(0, 1) * (knots.shape[1] - 1)
    below = place.floor().clamp_max(knots.shape[1] - 2)
    index = below.long().flatten(1)
    low = knots.gather(1, index).view_as(x)
    high = knots.gather(1, index + 1).view_as(x)
    return torch.lerp(low, high, place - below)
