"""aecli: autoencoders at work on ordinary image files.

The functions here are the commands without files: what they return is saved by `save`. A model
stays loaded for the next calls, a few of them at a time; `open` returns one to keep. The logger
`aecli` hears what runs where, what a file loses and how training goes. Importing this package loads
neither torch nor numpy; the first call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from aecli.errors import AecliError
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    from numpy.typing import NDArray

    from aecli import handles
    from aecli.checkpoints.format import Model
    from aecli.handles import Picture
    from aecli.images.image import Image
    from aecli.training.observer import Observer

__all__ = [
    "AecliError",
    "__version__",
    "denoise",
    "embed",
    "generate",
    "load_model",
    "open",
    "save",
    "train",
    "upscale",
]


@overload
def denoise(image: Picture, **options: Unpack[handles.DenoisingAnywhere]) -> Picture: ...
@overload
def denoise(image: str | Path, **options: Unpack[handles.DenoisingAnywhere]) -> Image: ...
def denoise(
    image: Any,
    *,
    model: str | Path | None = None,
    sigma: float | Literal["auto"] = "auto",
    strength: float = 1.0,
    ensemble: bool = False,
    tile: int | Literal["auto", "off"] = "auto",
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> Any:
    """Remove noise from a picture, as `aecli denoise` does.

    Args:
        image: a file's path; a numpy array (HxW, or HxWx3 RGB, or either with an alpha channel
            more; uint8, uint16, or floating point from 0 to 1, worked on as 16 bits); a Pillow
            image; or an `aecli.images.image.Image`.
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
        A picture of the same kind, type and channels, of a file an `Image`; 16 bits stay 16 bits,
        alpha is untouched.

    Raises:
        TypeError: `image` is of another kind or type.
        ValueError: `image` has another shape, or values beyond 0 and 1.
        AecliError: anything else the caller can cause or cure.
    """
    opened = open("denoise", model, engine=engine, device=device, precision=precision)
    return opened(image, sigma=sigma, strength=strength, ensemble=ensemble, tile=tile)


@overload
def upscale(image: Picture, **options: Unpack[handles.UpscalingAnywhere]) -> Picture: ...
@overload
def upscale(image: str | Path, **options: Unpack[handles.UpscalingAnywhere]) -> Image: ...
def upscale(
    image: Any,
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
) -> Any:
    """Enlarge a picture, as `aecli upscale` does.

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
        A picture of the same kind, type and channels, of a file an `Image`.

    Raises:
        TypeError: `image` is of another kind or type.
        ValueError: `image` has another shape, or values beyond 0 and 1.
        AecliError: anything else the caller can cause or cure.
    """
    opened = open("upscale", model, engine=engine, device=device, precision=precision)
    return opened(
        image, scale=scale, size=size, consistent=consistent, ensemble=ensemble, tile=tile
    )


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
        AecliError: anything else the caller can cause or cure.
    """
    opened = open("generate", model, engine=engine, device=device, precision=precision)
    return opened(n, seed=seed, classes=classes, temperature=temperature)


def embed(
    pictures: Sequence[Picture] | Sequence[str | Path],
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
        AecliError: anything else the caller can cause or cure.
    """
    return open("embed", model, engine=engine, device=device)(pictures)


@overload
def open(
    task: Literal["denoise"], model: str | Path | None = None, **where: Unpack[handles.Where]
) -> handles.OpenDenoiser: ...
@overload
def open(
    task: Literal["upscale"], model: str | Path | None = None, **where: Unpack[handles.Where]
) -> handles.OpenUpscaler: ...
@overload
def open(
    task: Literal["generate"], model: str | Path | None = None, **where: Unpack[handles.Where]
) -> handles.OpenGenerator: ...
@overload
def open(
    task: Literal["embed"], model: str | Path | None = None, **where: Unpack[handles.Where]
) -> handles.OpenEmbedder: ...
def open(
    task: str,
    model: str | Path | None = None,
    *,
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
) -> handles.Handle:
    """A loaded model, to be called as the function of its task: `open("denoise")(picture)`.

    Args:
        task: `denoise`, `upscale`, `generate` or `embed`.
        model: name or path of a model; None: the default one.
        engine: `torch`, `ncnn` or `auto`: ncnn on a CPU where it can run the model, else torch.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.

    Returns:
        It takes what `aecli.denoise`, `upscale`, `generate` or `embed` take, but for these
        arguments; to be used by one thread at a time.

    Raises:
        AecliError: there is no such model, or it is damaged.
    """
    from aecli.handles import opened

    return opened(task, model, engine, device, precision)


def save(
    picture: Picture,
    path: str | Path,
    *,
    quality: int | None = None,
    background: str = "white",
    strip: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a picture as aecli's commands do: whole or not at all, with what its file said of it.

    What the format cannot hold is told to the logger.

    Args:
        picture: as for `denoise`.
        path: of the file; its suffix is the format.
        quality: of JPEG, WebP and AVIF, 1 to 100; None: 95, or lossless as it came.
        background: colour that shows through where the format holds no transparency.
        strip: leave the metadata out.
        overwrite: replace a file that exists.

    Raises:
        TypeError, ValueError: as `denoise`.
        AecliError: the file exists, cannot be written, or is of a format that is not written.
    """
    from pathlib import Path

    from aecli.files.atomic import atomic
    from aecli.handles import log
    from aecli.images.exchange import to_image
    from aecli.images.formats import format_of
    from aecli.images.writing import write

    target = Path(path).expanduser()
    image, form = to_image(picture), format_of(target)
    with atomic(target, overwrite=overwrite) as file:
        lost = write(image, file, form, quality=quality, background=background, strip=strip)
    for line in lost:
        log.warning("%s: %s", target, line)


def load_model(task: str, name: str | Path | None = None) -> Model:
    """A verified model by name or path (None: the task's default), with all that is known of it.

    The network itself, for torch; `open` returns one that works on pictures.

    Raises:
        AecliError: there is none, or it is damaged.
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
    seed: int | None = None,
    loss: str | None = None,
    start: str | Path | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    log: Literal["tensorboard"] | None = None,
    scale: int | None = None,
    architecture: str | None = None,
    size: int | None = None,
    grey: bool = False,
    latent: int | None = None,
    beta: float | None = None,
    classes: bool = False,
    device: str = "auto",
    precision: str = "auto",
    observer: Observer | None = None,
) -> Path | None:
    """Train a model, as `aecli train` does; it is then known by its name.

    Args:
        task: the command that the model will serve: `denoise`, `upscale`, `generate` or `embed`.
        data: files of images and folders, searched to the bottom.
        name: what the model will be called.
        val: images to validate on; None holds out a share of `data`.
        recipe: a TOML file, or the name of one of aecli's; None for the defaults.
        settings: overrides such as `optim.lr=3e-4`.
        steps: length of the run in optimiser steps.
        seconds: length of the run in time, instead of `steps`.
        seed: of the initial weights, the crops and the degradation; None: the recipe's.
        loss: the pixel loss; None: the recipe's.
        start: name or path of a model whose weights to start from.
        folder: where the run keeps its state; None: `AECLI_HOME/runs/TASK-NAME`.
        resume: go on with the run of that name.
        overwrite: replace a run and a model of that name.
        log: `tensorboard` for event files beside `metrics.csv`; None for none.
        scale: of `upscale`: how many times larger the results are, 2 to 4; None: the recipe's.
        architecture: of `generate` and `embed`, as the next four: the kind of network.
        size: side of the images, pixels; None: as `data` is.
        grey: learn in grey.
        latent: length of a latent vector, or channels of a latent grid.
        beta: of a VAE: weight of the KL divergence.
        classes: of `generate`: learn to tell the sub-folders of `data`, or its labels, apart.
        device: `cpu`, `cuda`, `cuda:N`, `mps` or `auto`.
        precision: `fp32`, `bf16`, `fp16` or `auto`.
        observer: is told of progress; None: the logger is.

    Returns:
        The model's file, or None where a signal ended the run early (its state is saved).

    Raises:
        AecliError: anything the caller can cause or cure.
    """
    from pathlib import Path

    from aecli.training.fitting import fit
    from aecli.training.observer import Logged
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
        seed=seed,
        loss=loss,
        folder=None if folder is None else Path(folder),
        start=None if start is None else str(start),
        resume=resume,
        overwrite=overwrite,
        log=log,
        device=device,
        precision=precision,
    )
    request = fit(
        request,
        scale=scale,
        architecture=architecture,
        size=size,
        grey=grey,
        latent=latent,
        beta=beta,
        classes=classes,
    )
    return run(request, observer or Logged()).model
