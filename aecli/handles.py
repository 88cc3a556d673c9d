"""Models that stay loaded: what `aecli.open` returns, and what aecli's functions call."""

from __future__ import annotations

import logging
import os
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

from aecli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from aecli.checkpoints.store import Found
    from aecli.images.image import Image
    from aecli.inference.embed import Embedder
    from aecli.inference.restore import Restorer
    from aecli.inference.sample import Sampler
    from aecli.inference.upscale import Upscaler

    Picture = TypeVar(
        "Picture",
        NDArray[np.uint8],
        NDArray[np.uint16],
        NDArray[np.float32],
        NDArray[np.float64],
        PIL.Image.Image,
        Image,
    )

KEPT = 4
"""Models that stay loaded at most: those used last."""

log = logging.getLogger("aecli")


class Where(TypedDict, total=False):
    """Where a model runs."""

    engine: str
    device: str
    precision: str


class Which(Where, total=False):
    """Which model, and where it runs."""

    model: str | Path | None


class Restoring(TypedDict, total=False):
    """What denoising and upscaling can be told."""

    ensemble: bool
    tile: int | Literal["auto", "off"]


class Denoising(Restoring, total=False):
    """What denoising can be told."""

    sigma: float | Literal["auto"]
    strength: float


class Upscaling(Restoring, total=False):
    """What upscaling can be told."""

    scale: float
    size: tuple[int, int] | None
    consistent: bool | None


class DenoisingAnywhere(Denoising, Which):
    """What `aecli.denoise` can be told."""


class UpscalingAnywhere(Upscaling, Which):
    """What `aecli.upscale` can be told."""


class OpenDenoiser:
    """A loaded denoiser: called as `aecli.denoise`, where it runs aside."""

    def __init__(self, model: Restorer) -> None:
        self.model = model

    @overload
    def __call__(self, image: Picture, **how: Unpack[Denoising]) -> Picture: ...
    @overload
    def __call__(self, image: str | Path, **how: Unpack[Denoising]) -> Image: ...
    def __call__(self, image: Any, **how: Any) -> Any:
        """The picture without its noise."""
        from aecli.images.exchange import like, to_image

        return like(self.model.denoise(to_image(image), **how).image, image)


class OpenUpscaler:
    """A loaded family of upscalers: called as `aecli.upscale`, where it runs aside."""

    def __init__(self, model: Upscaler) -> None:
        self.model = model

    @overload
    def __call__(self, image: Picture, **how: Unpack[Upscaling]) -> Picture: ...
    @overload
    def __call__(self, image: str | Path, **how: Unpack[Upscaling]) -> Image: ...
    def __call__(
        self, image: Any, scale: float = 2.0, size: tuple[int, int] | None = None, **how: Any
    ) -> Any:
        """The picture, larger."""
        from aecli.images.exchange import like, to_image
        from aecli.images.sizing import Sizing

        picture = to_image(image)
        sizing = Sizing(scale) if size is None else Sizing(size=size)
        wanted = sizing.of(picture.width, picture.height)
        return like(self.model.upscale(picture, *wanted, **how).image, image)


class OpenGenerator:
    """A loaded generative model: called as `aecli.generate`, where it runs aside."""

    def __init__(self, model: Sampler) -> None:
        self.model = model

    def __call__(
        self,
        n: int = 64,
        *,
        seed: int | None = None,
        classes: Sequence[str] = (),
        temperature: float = 1.0,
    ) -> NDArray[np.uint8]:
        """New pictures."""
        import secrets

        import numpy as np

        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        start = secrets.randbits(32) if seed is None else seed
        batches = self.model.samples(n, start, classes=classes, temperature=temperature)
        return np.concatenate([batch.pictures for batch in batches])


class OpenEmbedder:
    """A loaded model to search by: called as `aecli.embed`, where it runs aside."""

    def __init__(self, model: Embedder) -> None:
        self.model = model

    def __call__(self, pictures: Sequence[Any]) -> NDArray[np.float32]:
        """A vector for each picture."""
        import numpy as np

        from aecli.images.exchange import to_image
        from aecli.images.square import square

        images = [to_image(picture) for picture in pictures]
        if not images:
            raise ValueError("there are no pictures to embed")
        small = [square(image, self.model.size, self.model.channels) for image in images]
        return self.model.embed(np.stack(small))[0]


Handle = OpenDenoiser | OpenUpscaler | OpenGenerator | OpenEmbedder


def opened(task: str, model: str | Path | None, engine: str, device: str, precision: str) -> Handle:
    """A model, loaded now or by an earlier call of this thread; arguments as of `aecli.open`."""
    if task not in _OPENERS:
        raise UsageError(f"there is no task {task!r}", did_you_mean(task, _OPENERS))
    files = [(found.path.resolve(), found.path.stat()) for found in _files(task, model)]
    state = (
        *((str(path), now.st_mtime_ns, now.st_size) for path, now in files),
        *(os.environ.get(name) for name in ("AECLI_ENGINE", "AECLI_DEVICE")),
        threading.get_ident(),
    )
    return _kept(task, model, engine, device, precision, state)


def _files(task: str, model: str | Path | None) -> Iterable[Found]:
    """The files that a model is loaded from."""
    from aecli.checkpoints import store

    if task == "upscale":
        return store.scales(task, model).values()
    if task == "embed":
        from aecli.inference import embed

        return [embed.find(model)]
    found = store.find(task, model)
    return [found, *store.preferred(task)] if model is None else [found]


@lru_cache(maxsize=KEPT)
def _kept(
    task: str,
    model: str | Path | None,
    engine: str,
    device: str,
    precision: str,
    _state: tuple[object, ...],
) -> Handle:
    """The model, loaded once for each state of its files, of the environment, and thread."""
    return _OPENERS[task](model, engine, device, precision)


def _denoiser(model: str | Path | None, engine: str, device: str, precision: str) -> Handle:
    from aecli.inference.restore import Restorer

    restorer = Restorer.open(model, engine=engine, device=device, precision=precision)
    log.info("denoise by %s on %s", restorer.meta.tag, restorer.runs_on)
    return OpenDenoiser(restorer)


def _upscaler(model: str | Path | None, engine: str, device: str, precision: str) -> Handle:
    from aecli.inference.upscale import Upscaler

    upscaler = Upscaler.open(model, engine=engine, device=device, precision=precision)
    log.info("upscale by %s on %s", model or "the default models", upscaler.choice.reason)
    return OpenUpscaler(upscaler)


def _generator(model: str | Path | None, engine: str, device: str, precision: str) -> Handle:
    from aecli.checkpoints import store
    from aecli.inference.sample import Sampler

    found, methods = store.find("generate", model), ("draw", "decode")
    sampler = Sampler.open(
        found, methods=methods, engine=engine, device=device, precision=precision
    )
    log.info("generate by %s on %s", sampler.name, sampler.choice.reason)
    return OpenGenerator(sampler)


def _embedder(model: str | Path | None, engine: str, device: str, precision: str) -> Handle:
    from aecli.inference.embed import Embedder

    if precision not in ("auto", "fp32"):
        raise UsageError("vectors are computed in fp32 everywhere, so that they compare")
    embedder = Embedder.open(model, engine=engine, device=device)
    log.info("embed by %s on %s", embedder.name, embedder.choice.reason)
    return OpenEmbedder(embedder)


_OPENERS: Mapping[str, Callable[[str | Path | None, str, str, str], Handle]] = {
    "denoise": _denoiser,
    "upscale": _upscaler,
    "generate": _generator,
    "embed": _embedder,
}
