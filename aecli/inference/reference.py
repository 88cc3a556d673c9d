"""True images to score results against: which belongs to which input, and how near it comes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.errors import InputError, UsageError
from aecli.images import metrics
from aecli.images.formats import SUFFIXES
from aecli.images.levels import to_16_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.files.planning import Job
    from aecli.images.image import Image, Pixels


class References:
    """The true images at a path: one for the only input, or a folder of them.

    In a folder an input's reference has its path below the searched folder, or else its file name,
    or else its stem with another image suffix.
    """

    def __init__(self, path: str, jobs: Sequence[Job]) -> None:
        self._root = Path(path)
        self._folder = self._root.is_dir()
        if not self._root.exists():
            raise UsageError(f"there is no reference {path}")
        if not self._folder and len(jobs) > 1:
            raise UsageError(f"the reference {path} is one image, and there are {len(jobs)} inputs")
        self._stems = {
            p.stem: p for p in sorted(self._root.glob("*")) if p.suffix.lower() in SUFFIXES
        }

    def of(self, job: Job) -> Path:
        """The reference of one input.

        Raises:
            UsageError: there is none.
        """
        if not self._folder:
            return self._root
        relative = job.source.relative
        for path in (self._root / relative, self._root / relative.name):
            if path.is_file():
                return path
        if relative.stem in self._stems:
            return self._stems[relative.stem]
        raise UsageError(f"{self._root} has no reference for {relative}")


@dataclass(frozen=True)
class Score:
    """Likeness to the true image: of doing nothing, and of the result.

    PSNR is in dB below white, infinite for equal images; SSIM is at most 1.
    """

    psnr_before: float
    psnr: float
    ssim_before: float
    ssim: float


def score(before: Image, after: Image, reference: Image) -> Score:
    """Score a result and what doing nothing gives, both of the reference's size.

    Raises:
        InputError: the sizes differ.
    """
    psnr_before, ssim_before = _likeness(before, reference)
    psnr, ssim = _likeness(after, reference)
    return Score(psnr_before, psnr, ssim_before, ssim)


def _likeness(image: Image, reference: Image) -> tuple[float, float]:
    if (image.width, image.height) != (reference.width, reference.height):
        raise InputError(
            f"the reference is {reference.width}x{reference.height} pixels,"
            f" the image {image.width}x{image.height}"
        )
    peak = max(image.peak, reference.peak)
    colour = not (image.grey and reference.grey)
    a, b = (_comparable(i.pixels, peak, colour=colour) for i in (image, reference))
    return metrics.psnr(a, b, peak), metrics.ssim(a, b, peak)


def _comparable(pixels: Pixels, peak: int, *, colour: bool) -> Pixels:
    """The same picture with white at `peak`, in three channels if `colour`."""
    samples: Pixels = to_16_bits(pixels) if peak > 255 else pixels
    if colour and samples.ndim == 2:
        return np.ascontiguousarray(np.broadcast_to(samples[..., None], (*samples.shape, 3)))
    return samples
