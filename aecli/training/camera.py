"""A synthetic camera: photographs as sensors leave them, with and without their noise.

A clean picture is turned back into raw light, as Brooks et al. (2019, "Unprocessing Images for
Learned Raw Denoising") do, meets the noise of a sensor there, and is developed again. What comes
out is correlated between neighbours and channels and depends on the brightness, as real noise does.
Every step is drawn at random, as no two cameras agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from aecli.training.degrade import jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Light = NDArray[np.float32]

SENSOR = np.array([[1.7, -0.6, -0.1], [-0.25, 1.5, -0.25], [0.0, -0.5, 1.5]], np.float32)
"""From the colours of a typical sensor to sRGB's, after white balance: rows add up to 1."""


@dataclass(frozen=True)
class Camera:
    """How one photograph is taken and developed.

    Attributes:
        shot, read: the sensor's noise has the variance `shot` * light + `read`, light in [0, 1].
        exposure: factor on the light; below 1 the photograph is a dark one.
        gains: white balance: factors of red, green and blue.
        mixture: how far the sensor's colours are from sRGB's, from 0 to 1 (`SENSOR`).
        gamma: exponent of the tone curve.
        contrast: whether an S-shaped curve follows it.
        mosaic: where the 2x2 colour filter array starts, 0 to 3; None: there is none.
        sharpness: strength of the unsharp mask, 0 for none.
        softness: sigma of a blur of everything, pixels: a lens, an enlargement.
        chroma: sigma of a blur of the noisy photograph's colours alone, pixels: the usual noise
            reduction.
        quality, subsampling: of the JPEG file, as Pillow has them; None: there is none.
    """

    shot: float
    read: float
    exposure: float = 1.0
    gains: tuple[float, float, float] = (2.0, 1.0, 1.7)
    mixture: float = 1.0
    gamma: float = 2.2
    contrast: bool = False
    mosaic: int | None = 0
    sharpness: float = 0.0
    softness: float = 0.0
    chroma: float = 0.0
    quality: int | None = None
    subsampling: int = 2

    def take(
        self, clean: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The photograph, and the same without noise and what cameras do about it, and JPEG.

        Args:
            clean: HxW or HxWx3, what the lens saw; at least 2 pixels wide and high. Grey is
                photographed in colour, then turned grey.
            rng: source of the noise.

        Returns:
            Two arrays of the same shape.
        """
        colour = clean if clean.ndim == 3 else np.repeat(clean[..., None], 3, axis=2)
        light = self._expose(colour)
        noise = rng.standard_normal(light.shape, dtype=np.float32)
        noise *= np.sqrt(np.float32(self.shot) * light + np.float32(self.read))
        noisy = self._reduce(self._develop(np.clip(light + noise, 0, 1)))
        reference = self._develop(light)
        if clean.ndim == 2:
            noisy, reference = (
                np.asarray(Pillow.fromarray(p).convert("L")) for p in (noisy, reference)
            )
        if self.quality is not None:
            noisy = jpeg(noisy, self.quality, self.subsampling)
        return noisy, reference

    def _matrix(self) -> Light:
        """3x3, from the sensor's colours to sRGB's."""
        return ((1 - self.mixture) * np.eye(3) + self.mixture * SENSOR).astype(np.float32)

    def _expose(self, picture: NDArray[np.uint8]) -> Light:
        """sRGB uint8 HxWx3 -> the light that each of the sensor's filters lets through."""
        light = picture.astype(np.float32) / 255
        if self.contrast:
            light = 0.5 - np.sin(np.arcsin(1 - 2 * light) / 3)
        light = light**self.gamma @ np.linalg.inv(self._matrix()).T
        light *= self.exposure / np.array(self.gains, np.float32)
        return cast("Light", np.clip(light, 0, 1, dtype=np.float32))

    def _develop(self, light: Light) -> NDArray[np.uint8]:
        """The sensor's light -> sRGB uint8 HxWx3."""
        if self.mosaic is not None:
            light = demosaic(light, self.mosaic)
        light = light * np.array(self.gains, np.float32)
        light = np.clip(np.minimum(light, 1) @ self._matrix().T, 0, 1) ** (1 / self.gamma)
        if self.contrast:
            light = light * light * (3 - 2 * light)
        return self._finish(np.rint(light * 255).astype(np.uint8))

    def _finish(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What cameras do to every developed picture."""
        image = Pillow.fromarray(picture)
        if self.softness:
            image = image.filter(ImageFilter.GaussianBlur(self.softness))
        if self.sharpness:
            image = image.filter(ImageFilter.UnsharpMask(1, round(100 * self.sharpness), 0))
        return np.array(image)

    def _reduce(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What cameras do about noise: the colours blurred, the detail left."""
        if not self.chroma:
            return picture
        luma, *colours = Pillow.fromarray(picture).convert("YCbCr").split()
        blurred = (c.filter(ImageFilter.GaussianBlur(self.chroma)) for c in colours)
        return np.asarray(Pillow.merge("YCbCr", (luma, *blurred)).convert("RGB"))


def any_camera(rng: np.random.Generator) -> Camera:
    """A camera by chance, from a bright day to the darkest room.

    Shot noise is 3e-4 * 100 ** (u ** 0.7), u uniform: up to 0.03, strong noise likelier. Read noise
    is as Brooks et al. (2019) fitted it to the Darmstadt set, log(read) = 2.18 log(shot) + 1.2, but
    give or take 0.8, three times their spread: four cameras are few, and where read noise meets
    black it is read noise that decides how far the darkness is lifted. Exposure is mostly right, as
    cameras see to that. Every other camera is a plain one, which neither sharpens nor blurs.
    """
    shot = 3e-4 * 100 ** (rng.random() ** 0.7)
    busy = rng.random() < 0.5
    return Camera(
        shot=shot,
        read=float(np.exp(2.18 * np.log(shot) + 1.2 + 0.8 * rng.standard_normal())),
        exposure=float(2.0 ** -rng.uniform(0, 4)) if rng.random() < 0.1 else 1.0,
        gains=(float(rng.uniform(1.4, 2.6)), 1.0, float(rng.uniform(1.3, 2.4))),
        mixture=rng.random(),
        gamma=float(rng.uniform(2.0, 2.4)),
        contrast=rng.random() < 0.25,
        mosaic=int(rng.integers(4)) if rng.random() < 0.85 else None,
        sharpness=float(rng.uniform(0.2, 1.0)) if busy and rng.random() < 0.4 else 0.0,
        softness=float(rng.uniform(0.3, 1.2)) if busy and rng.random() < 0.4 else 0.0,
        chroma=float(rng.uniform(0.5, 2.0)) if busy and rng.random() < 0.3 else 0.0,
        quality=int(rng.integers(75, 99)) if rng.random() < 0.85 else None,
        subsampling=2 if rng.random() < 0.85 else 0,
    )


def demosaic(light: Light, start: int) -> Light:
    """Each pixel through one colour of a Bayer array, the others interpolated bilinearly.

    Args:
        light: HxWx3.
        start: 0 to 3, which of the four pixels of the array (red, green, green, blue) is first.
    """
    top, left = divmod(start, 2)
    seen = np.zeros_like(light)
    seen[top::2, left::2, 0] = 1
    seen[top::2, 1 - left :: 2, 1] = 1
    seen[1 - top :: 2, left::2, 1] = 1
    seen[1 - top :: 2, 1 - left :: 2, 2] = 1
    return cast("Light", _tent(light * seen) / _tent(seen))


def _tent(planes: Light) -> Light:
    """Sums weighted by [1 2 1] in both directions: HxWxC -> HxWxC."""
    p = np.pad(planes, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    rows = p[:-2] + 2 * p[1:-1] + p[2:]
    return cast("Light", rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:])
