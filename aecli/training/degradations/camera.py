"""Synthetic cameras, in batches: photographs as sensors leave them, and the same without noise.

A clean picture is turned back into raw light, as Brooks et al. (2019, "Unprocessing Images for
Learned Raw Denoising") do, meets the noise of a sensor there, and is developed again: demosaicing,
white balance, colours, tone curve, noise reduction, sharpening. Every step is drawn at random, as
no two cameras agree. The reference goes through the same steps, noise reduction included, in as far
as they would be the same for the mean of many shots: detail that a camera smooths away is not to be
invented.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from aecli.training.degradations import blur
from aecli.training.degradations.blur import around
from aecli.training.degradations.chosen import change
from aecli.training.degradations.colour import from_opponent, luma, mixed, power_, to_opponent
from aecli.training.degradations.draws import box_muller, constant, on_device

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.training.degradations.chosen import Rows
    from aecli.training.degradations.draws import Draws

    Array = NDArray[np.float64]
    Chosen = NDArray[np.bool_]

SENSOR = np.array([[1.7, -0.6, -0.1], [-0.25, 1.5, -0.25], [0.0, -0.5, 1.5]])
"""From the colours of a typical sensor to sRGB's, after white balance: rows add up to 1."""

BILINEAR, GRADIENT, EDGES = range(3)
"""Ways of demosaicing: bilinear; corrected by the other colour's gradient (Malvar et al. 2004, in
spirit); the same along the weaker gradient only (Hamilton and Adams 1997)."""


RED_BLUE, GREEN = 1 / 4, 1 / 8
"""One over what an array's pixels of a colour weigh in `around(_, 2)`, the same at every place."""


def photographs(clean: Tensor, draws: Draws, grey: Tensor) -> tuple[Tensor, Tensor]:
    """Photographs of the pictures, and what they would be without noise.

    Shot noise is 1e-4 * 200 ** (u ** 0.9) of the light, u uniform; read noise as Brooks et al.
    fitted it to the Darmstadt set, log(read) = 2.18 log(shot) + 1.2, give or take 0.8. Every other
    camera is a plain one, which neither sharpens nor reduces noise.

    Args:
        clean: (N, 3, H, W) in [0, 1], what the lens saw; H and W even.
        draws: of all that is random.
        grey: (N, 1, 1, 1), pictures whose photographs are turned grey in the end.

    Returns:
        Two of the same shape, not rounded, before any JPEG.
    """
    u = draws.uniform("camera", 24)
    shot = 1e-4 * 200 ** (u[:, 0] ** 0.9)
    read = np.exp(2.18 * np.log(shot) + 1.2 + 0.8 * box_muller(u[:, 1], u[:, 2]))
    exposure = np.where(u[:, 3] < 0.12, 2.0 ** (-4 * u[:, 4]), 1.0)
    gains = np.stack([1.4 + 1.2 * u[:, 5], np.ones(len(u)), 1.3 + 1.1 * u[:, 6]], 1)
    mixture = u[:, 7, None, None]
    matrix = (1 - mixture) * np.eye(3) + mixture * SENSOR
    gamma = draws.on_device(2.0 + 0.4 * u[:, 8])[:, None, None, None]
    curved = u[:, 9] < 0.25
    to_sensor = draws.on_device(np.linalg.inv(matrix) * (exposure[:, None] / gains)[:, :, None])
    to_screen = draws.on_device(matrix * gains[:, None, :])

    light = clean.clone()
    change(light, curved, lambda some, *_: _uncurved(some))
    light = mixed(power_(light.clamp_min_(0), gamma), to_sensor).clamp_(0, 1)
    variance = light * draws.on_device(shot)[:, None, None, None]
    variance += draws.on_device(read)[:, None, None, None]
    raw = draws.normal("sensor", clean.shape[1:]).mul_(variance.sqrt_()).add_(light).clamp_(0, 1)

    def filtered(some: Tensor, rows: Rows, _: Tensor) -> Tensor:
        return demosaic(some, starts[rows], kinds[rows])

    both = torch.cat([raw, light])
    kinds, starts = (np.tile((u[:, c] * n).astype(np.int64), 2) for c, n in ((11, 3), (12, 4)))
    change(both, np.tile(u[:, 10] < 0.9, 2), filtered)
    white = draws.on_device(1 / gains).repeat(2, 1)[:, :, None, None]
    both = mixed(torch.minimum(both, white), to_screen.repeat(2, 1, 1)).clamp_(1e-6, 1)
    both = power_(both, 1 / gamma.repeat(2, 1, 1, 1))
    change(both, np.tile(curved, 2), lambda some, *_: some * some * (3 - 2 * some))

    busy = u[:, 13] < 0.65
    chroma = np.where(u[:, 14] < 0.75, 0.4 + 3.4 * u[:, 15] ** 1.5, 0.0)
    strength = np.where(u[:, 16] < 0.7, u[:, 17] ** 0.6, 0.0)
    reduced = busy & ((chroma > 0) | (strength > 0))
    aware = np.where(u[reduced, 22] < 0.3, 0.0, u[reduced, 23] ** 0.5)
    radius = 0.6 + 1.9 * u[reduced, 18] ** 1.5
    _reduce(both, reduced, chroma[reduced], aware, strength[reduced], radius)
    sharp = busy & (u[:, 19] < 0.5)
    sharpening = blur.unsharp(0.5 + 0.8 * u[sharp, 21], 0.2 + 1.2 * u[sharp, 20])
    blur.blur_(both, np.tile(sharpening, (2, 1, 1)), np.flatnonzero(np.tile(sharp, 2)))
    both = torch.lerp(both, luma(both), grey.repeat(2, 1, 1, 1).float()).clamp_(0, 1)
    noisy, reference = both.chunk(2)
    return noisy, reference


def _reduce(
    both: Tensor, chosen: Chosen, chroma: Array, aware: Array, strength: Array, radius: Array
) -> None:
    """Cameras' own noise reduction, in place: colours blurred, and luma where there are no edges.

    Args:
        both: (2N, 3, H, W), photographs and then their references, which are reduced as those are.
        chosen: (N,), n of which are reduced.
        chroma: (n,), standard deviation of the colours' blur, pixels.
        aware: (n,), how far edges are kept from that blur, too, 0 to 1.
        strength: (n,), of the luma's blur, 0 to 1.
        radius: (n,), its standard deviation, pixels.
    """

    def reduced(some: Tensor, *_: object) -> Tensor:
        planes = to_opponent(some)
        light, colours = planes[:, :1], planes[:, 1:]
        soft = blur.soften(light, np.tile(radius, 2))
        noisy, noisy_soft = light[: len(radius)], soft[: len(radius)]
        step = blur.soften((noisy - noisy_soft).abs_(), radius)
        least = 1.2 * step.mean((1, 2, 3), keepdim=True) + 0.015
        flat = torch.exp(-((step / least) ** 2))
        smeared = torch.lerp(torch.ones_like(flat), flat, _column(aware, flat))
        colours = torch.lerp(
            colours, blur.soften(colours, np.tile(chroma, 2)), smeared.repeat(2, 1, 1, 1)
        )
        light = torch.lerp(light, soft, (flat * _column(strength, flat)).repeat(2, 1, 1, 1))
        return from_opponent(torch.cat([light, colours], 1))

    change(both, np.tile(chosen, 2), reduced)


def _column(values: Array, like: Tensor) -> Tensor:
    return on_device(values, like.device)[:, None, None, None]


def demosaic(light: Tensor, starts: NDArray[np.int64], kinds: NDArray[np.int64]) -> Tensor:
    """Each pixel through one colour of a Bayer array, the other two interpolated.

    Args:
        light: (N, 3, H, W), H and W even.
        starts: 0 to 3, which of the four pixels of the array (red, green, green, blue) is first.
        kinds: `BILINEAR`, `GRADIENT` or `EDGES`, (N,).
    """
    masks = _masks(light.device)[on_device(starts, light.device)]
    seen = masks.repeat(1, 1, light.shape[2] // 2, light.shape[3] // 2)
    raw = light * seen
    result = torch.lerp(around(raw, 2) * _share(light.device), raw, seen)
    corrected = np.flatnonzero(kinds != BILINEAR)
    if not len(corrected):
        return result
    index = on_device(corrected, light.device)
    part, mask = raw[index], seen[index]
    mosaic = part.sum(1, keepdim=True)
    p = F.pad(mosaic, (2, 2, 2, 2), mode="reflect")
    centre = p[..., 2:-2, 2:-2]
    left, right, up, down = (
        p[..., 2:-2, 1:-3],
        p[..., 2:-2, 3:-1],
        p[..., 1:-3, 2:-2],
        p[..., 3:-1, 2:-2],
    )
    second_x = 2 * centre - p[..., 2:-2, :-4] - p[..., 2:-2, 4:]
    second_y = 2 * centre - p[..., :-4, 2:-2] - p[..., 4:, 2:-2]
    across = (left + right) / 2 + second_x / 4
    along = (up + down) / 2 + second_y / 4
    slope_x = (left - right).abs() + second_x.abs()
    slope_y = (up - down).abs() + second_y.abs()
    chosen = torch.where(
        slope_x < slope_y, across, torch.where(slope_y < slope_x, along, (across + along) / 2)
    )
    by_edges = on_device(kinds[corrected] == EDGES, light.device)[:, None, None, None].bool()
    green = torch.where(by_edges, chosen, (across + along) / 2)
    is_green = mask[:, 1:2]
    green = torch.lerp(green, mosaic, is_green)
    colours = mask[:, ::2]
    difference = around((mosaic - green) * colours, 2) * RED_BLUE
    red_blue = green + difference
    result[index] = torch.stack([red_blue[:, 0], green[:, 0], red_blue[:, 1]], 1).clamp(0, 1)
    return result


@cache
def _share(device: torch.device) -> Tensor:
    """(3, 1, 1): the same of red, green and blue."""
    return constant(np.array([RED_BLUE, GREEN, RED_BLUE]), device).view(3, 1, 1)


@cache
def _masks(device: torch.device) -> Tensor:
    """(4, 3, 2, 2): where red, green and blue are, by the array's start."""
    masks = torch.zeros(4, 3, 2, 2)
    for start in range(4):
        top, left = divmod(start, 2)
        masks[start, 0, top, left] = 1
        masks[start, 1, top, 1 - left] = masks[start, 1, 1 - top, left] = 1
        masks[start, 2, 1 - top, 1 - left] = 1
    return masks.to(device)


def _uncurved(x: Tensor) -> Tensor:
    """The inverse of the S-curve 3 x^2 - 2 x^3."""
    return 0.5 - torch.sin(torch.asin((1 - 2 * x).clamp(-1, 1)) / 3)
