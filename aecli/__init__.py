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
    from aecli.images.image import Image
    from aecli.training.observer import Observer

    Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.uint16], PIL.Image.Image, Image)

__all__ = ["__version__", "denoise", "embed", "generate", "load_model", "train", "upscale"]


def denoise(
    image: Picture,
    *,
    model: str | Path | None = None,
    sigma: float | Literal["auto"] = "auto",
    strength: float = 1.0,
    ensemble: bool = False,
    tile: int | Literal["auto", "off"] = "auto",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Picture:
    """Remove noise from a picture, as `aecli denoise` does.

    For many pictures open `aecli.inference.restore.Restorer` once; this function loads the model
    anew at every call.

    Args:
        image: a numpy array (HxW, or HxWx3 RGB, or either with an alpha channel more; uint8 or
            uint16), a Pillow image, or an `aecli.images.image.Image`.
        model: name or path of a model; None: the default one.
        sigma: standard deviation of the noise on the 0-255 scale, or `auto`: estimated.
        strength: factor on sigma; 0 changes nothing. Below 1, models of cameras' noise remove that
            share of what they see.
        ensemble: average the results of eight orientations, a little better.
        tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
        engine: `torch`, `ncnn` or `auto`: ncnn on a CPU, torch elsewhere.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.

    Returns:
        A picture of the same kind, type and channels; 16 bits stay 16 bits, alpha is untouched.

    Raises:
        TypeError: `image` is of another kind or type.
        ValueError: `image` has another shape.
        aecli.errors.AecliError: anything else the caller can cause or cure.
    """
    from aecli.images.exchange import like, to_image
    from aecli.inference.restore import Restorer

    picture = to_image(image)
    restorer = Restorer.open(model, engine=engine, device=device, precision=precision)
    restored = restorer.denoise(
        picture, sigma=sigma, strength=strength, ensemble=ensemble, tile=tile
    )
    result: Picture = like(restored.image, image)
    return result


def upscale(
    image: Picture,
    scale: float = 2.0,
    size: tuple[int, int] | None = None,
    *,
    model: str | Path | None = None,
    consistent: bool | None = None,
    ensemble: bool = False,
    tile: int | Literal["auto", "off"] = "auto",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Picture:
    """Enlarge a picture, as `aecli upscale` does.

    For many pictures open `aecli.inference.upscale.Upscaler` once; this function loads its models
    anew at every call.

    Args:
        image: as for `denoise`.
        scale: how many times as wide and high, 1 to 8.
        size: width and height of the result in pixels, instead of `scale`.
        model: name of a family of models or of one of them, or a path; None: the default ones.
        consistent: make the result one that, shrunk again, is `image`; None: where the model is one
            for sharp pictures.
        ensemble: as for `denoise`.
        tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
        engine: `torch`, `ncnn` or `auto`: ncnn on a CPU, torch elsewhere.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.

    Returns:
        A picture of the same kind, type and channels.

    Raises:
        TypeError: `image` is of another kind or type.
        ValueError: `image` has another shape.
        aecli.errors.AecliError: anything else the caller can cause or cure.
    """
    from aecli.images.exchange import like, to_image
    from aecli.images.sizing import Sizing
    from aecli.inference.upscale import Upscaler

    picture = to_image(image)
    sizing = Sizing(scale) if size is None else Sizing(size=size)
    upscaler = Upscaler.open(model, engine=engine, device=device, precision=precision)
    enlarged = upscaler.upscale(
        picture,
        *sizing.of(picture.width, picture.height),
        consistent=consistent,
        ensemble=ensemble,
        tile=tile,
    )
    result: Picture = like(enlarged.image, image)
    return result


def generate(
    n: int = 64,
    *,
    model: str | Path | None = None,
    seed: int | None = None,
    classes: Sequence[str] = (),
    temperature: float = 1.0,
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> NDArray[np.uint8]:
    """Draw new pictures, as `aecli generate` does.

    For more than samples (latents, interpolations) open `aecli.inference.sample.Sampler`.

    Args:
        n: how many.
        model: name or path of a model; None: the default one.
        seed: the same seed draws the same pictures; None: a random one.
        classes: names of classes to draw by turns; all that the model knows where empty.
        temperature: scales the noise; below 1 is more typical, less varied.
        engine: `torch`, `ncnn` or `auto`: ncnn on a CPU where it can run the model, else torch.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.

    Returns:
        (n, size, size) of a grey model, (n, size, size, 3) of one in colour.

    Raises:
        ValueError: `n` is below 1.
        aecli.errors.AecliError: anything else the caller can cause or cure.
    """
    import secrets

    import numpy as np

    from aecli.checkpoints import store
    from aecli.inference.sample import Sampler

    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}")
    found = store.find("generate", model)
    sampler = Sampler.open(
        found, methods=("draw", "decode"), engine=engine, device=device, precision=precision
    )
    start = secrets.randbits(32) if seed is None else seed
    batches = sampler.samples(n, start, classes=classes, temperature=temperature)
    return np.concatenate([batch.pictures for batch in batches])


def embed(
    pictures: Sequence[Picture],
    *,
    model: str | Path | None = None,
    engine: str = "auto",
    device: str = "auto",
) -> NDArray[np.float32]:
    """Turn pictures into vectors, as `aecli embed` does.

    For more (novelty, files, reconstruction) open `aecli.inference.embed.Embedder`.

    Args:
        pictures: each as for `denoise`, of any size.
        model: name or path of a model; None: the default one.
        engine: `torch`, `ncnn` or `auto`: ncnn on a CPU where it can run the model, else torch.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.

    Returns:
        (number of pictures, dimension); like pictures have a large cosine.

    Raises:
        TypeError: a picture is of another kind or type.
        ValueError: there are none, or one has another shape.
        aecli.errors.AecliError: anything else the caller can cause or cure.
    """
    import numpy as np

    from aecli.images.exchange import to_image
    from aecli.images.square import square
    from aecli.inference.embed import Embedder

    images = [to_image(picture) for picture in pictures]
    if not images:
        raise ValueError("there are no pictures to embed")
    embedder = Embedder.open(model, engine=engine, device=device)
    small = [square(image, embedder.size, embedder.channels) for image in images]
    return embedder.embed(np.stack(small))[0]


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
        task: the command that the model will serve: `denoise`, `upscale`, `generate` or `embed`.
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
    from aecli.training.observer import Unwatched
    from aecli.training.request import RunRequest
    from aecli.training.trainer import run

    request = RunRequest(
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
