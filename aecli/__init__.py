"""aecli: autoencoders at work on ordinary image files.

The functions here are the commands without files. Importing this package loads neither torch nor
numpy; the first call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from aecli.checkpoints.format import Model
    from aecli.imaging.image import Image
    from aecli.training.watching import Observer

    Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.uint16], PIL.Image.Image, Image)

__all__ = ["__version__", "denoise", "load_model", "train"]


def denoise(
    image: Picture,
    *,
    model: str | Path | None = None,
    sigma: float | Literal["auto"] = "auto",
    strength: float = 1.0,
    tile: int | Literal["auto", "off"] = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Picture:
    """Remove noise from a picture, as `aecli denoise` does.

    For many pictures open `aecli.inference.restore.Restorer` once; this function loads the model
    anew at every call.

    Args:
        image: a numpy array (HxW, or HxWx3 RGB, or either with an alpha channel more; uint8 or
            uint16), a Pillow image, or an `aecli.imaging.image.Image`.
        model: name or path of a model; None: the default one.
        sigma: standard deviation of the noise on the 0-255 scale, or `auto`: estimated.
        strength: factor on sigma; 0 changes nothing.
        tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.

    Returns:
        A picture of the same kind, type and channels; 16 bits stay 16 bits, alpha is untouched.

    Raises:
        TypeError: `image` is of another kind or type.
        ValueError: `image` has another shape.
        aecli.errors.AecliError: anything else the caller can cause or cure.
    """
    from aecli.imaging.exchange import like, to_image
    from aecli.inference.restore import Restorer

    picture = to_image(image)
    restorer = Restorer.open("denoise", model, device=device, precision=precision)
    restored = restorer.denoise(picture, sigma=sigma, strength=strength, tile=tile)
    result: Picture = like(restored.image, image)
    return result


def load_model(name: str | Path | None = None, *, task: str = "denoise") -> Model:
    """A verified model by name or path (None: the task's default), with all that is known of it.

    Raises:
        aecli.errors.ModelError: there is none, or it is damaged.
    """
    from aecli.checkpoints import store

    return store.load(task, name)


def train(
    task: str,
    data: Sequence[str | Path],
    *,
    name: str,
    val: Sequence[str | Path] | None = None,
    recipe: str | Path | None = None,
    settings: Sequence[str] = (),
    steps: int | None = None,
    seconds: float | None = None,
    start: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    precision: str = "auto",
    observer: Observer | None = None,
) -> Path | None:
    """Train a model, as `aecli train` does; it is then known by its name.

    Args:
        task: the command that the model will serve: `denoise`.
        data: image files and folders, searched to the bottom.
        name: what the model will be called.
        val: images to validate on; None holds out a share of `data`.
        recipe: a TOML file, or the name of one of aecli's; None for the defaults.
        settings: overrides such as `optim.lr=3e-4`.
        steps: length of the run in optimiser steps.
        seconds: length of the run in time, instead of `steps`.
        start: name or path of a model whose weights to start from.
        resume: go on with the run of that name.
        overwrite: replace a run and a model of that name.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.
        observer: is told of progress; None: nobody is.

    Returns:
        The model's file, or None where a signal ended the run early (its state is saved).

    Raises:
        aecli.errors.AecliError: anything the caller can cause or cure.
    """
    from aecli.training.request import Request
    from aecli.training.run import run
    from aecli.training.watching import Unwatched

    request = Request(
        task=task,
        data=[str(d) for d in data],
        name=name,
        val=None if val is None else [str(v) for v in val],
        recipe=None if recipe is None else str(recipe),
        settings=settings,
        steps=steps,
        seconds=seconds,
        start=None if start is None else str(start),
        resume=resume,
        overwrite=overwrite,
        device=device,
        precision=precision,
    )
    return run(request, observer or Unwatched()).model
