"""The tables of the model zoo: each measures what ships, on pictures of the user's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

import aecli
from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.device import choose
from aecli.files.inputs import collect
from aecli.images import reading
from aecli.images.metrics import luma, psnr
from aecli.images.resample import resample
from aecli.models.complexity import measure
from tests.benchmarks import degraded
from tests.benchmarks.degraded import Picture
from tests.benchmarks.maps import maps
from tests.benchmarks.music import music
from tests.benchmarks.pages import page

SIGMAS = (15, 25, 50)
SCALES = (2, 3, 4)
Table = list[list[str]]
Degradation = Callable[[Picture, int, int], Picture]


def pictures(folder: Path) -> Iterator[Picture]:
    """The pictures of a folder as files of 8 bits hold them, in their order."""
    for source in collect([str(folder)]):
        assert source.path is not None
        yield reading.decode(source.path).pixels.astype(np.uint8)


def models(_folders: Sequence[Path]) -> Table:
    """What ships: size, cost and origin of every model, and what training measured."""
    head = ["model", "parameters", "FLOPs a pixel", "MB", "training data", "validation"]
    return [head, *map(_model, sorted(store.bundled_folder().glob("*.safetensors")))]


def _model(path: Path) -> list[str]:
    meta = checkpoints.read_meta(path)
    spec, config = checkpoints.outline(path)
    cost = measure(spec, config, meta.task)
    return [
        f"[`{meta.task} -m {meta.tag}`]({path.stem}.md)",
        f"{cost.parameters:,}",
        f"{cost.flops_per_pixel:,.0f}",
        f"{path.stat().st_size / 1e6:.2f}",
        f"{meta.training['images']:,} pictures",
        ", ".join(f"{name} {value:.2f}" for name, value in sorted(meta.metrics.items())),
    ]


def white(folders: Sequence[Path]) -> Table:
    """Denoising: white noise of sigma 15, 25 and 50, clipped and rounded, not told; PSNR in dB."""
    rows = [["", *(folder.name for folder in folders)]]
    for name in ("noisy", "gaussian", "photo"):
        row = [name if name == "noisy" else f"`{name}`"]
        for folder in folders:
            scores: dict[int, list[float]] = {sigma: [] for sigma in SIGMAS}
            for number, clean in enumerate(pictures(folder)):
                for sigma, found in scores.items():
                    noisy = degraded.white(clean, sigma, number)
                    found.append(psnr(clean, _denoised(noisy, name)))
            row.append(_means(scores.values()))
        rows.append(row)
    return rows


def camera(folders: Sequence[Path]) -> Table:
    """Denoising: photos of a synthetic camera in three lights, halved in size; PSNR in dB."""
    rows = [["", *(f"{f.name}, {light}" for f in folders for light in degraded.LIGHTS)]]
    for name in ("noisy", "gaussian", "photo"):
        row = [name if name == "noisy" else f"`{name}`"]
        for folder in folders:
            for electrons in degraded.LIGHTS.values():
                scores = []
                for number, picture in enumerate(pictures(folder)):
                    scene = degraded.bicubic(_colour(picture), 2)
                    noisy, clean = degraded.camera(scene, electrons, number)
                    scores.append(psnr(clean, _denoised(noisy, name)))
                row.append(f"{np.mean(scores):.2f}")
        rows.append(row)
    return rows


def enlarged(folders: Sequence[Path]) -> Table:
    """Upscaling: antialiased bicubic, x2, x3, x4; PSNR in dB of the luma, borders left out."""
    return _upscaling({f.name: (list(pictures(f)), _shrunk) for f in folders})


def found(folders: Sequence[Path]) -> Table:
    """Upscaling: soft, noisy, JPEG-compressed pictures, x2, x3, x4; PSNR in dB of the luma."""
    return _upscaling({f.name: (list(pictures(f)), degraded.found) for f in folders})


def letters(folders: Sequence[Path]) -> Table:
    """Upscaling: a page of text in each font of a folder, either way; PSNR in dB of the luma."""
    drawn = [page(font, n) for f in folders for n, font in enumerate(sorted(f.rglob("*.ttf")))]
    return _upscaling({"shrunk": (drawn, _shrunk), "as found": (drawn, degraded.found)})


def speed(_folders: Sequence[Path]) -> Table:
    """Seconds a megapixel of the result, of a 1-megapixel picture, after a first run, by engine."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (125, 128, 3), dtype=np.uint8)
    large = resample(noise, 1000, 1024)
    runs = {
        f"`denoise -m {name}`": partial(aecli.denoise, large, model=name)
        for name in ("gaussian", "photo")
    }
    for name in ("clean", "photo"):
        for scale in SCALES:
            small = resample(noise, 1000 // scale, 1024 // scale)
            run = partial(aecli.upscale, small, scale, model=name)
            runs[f"`upscale -m {name} --scale {scale}`"] = run
    engines = ("ncnn", "torch")
    computing = {"ncnn": "fp32", "torch": choose("cpu").precision.value}
    return [
        ["", *(f"{engine}, {computing[engine]}" for engine in engines)],
        *(
            [name, *(_timed(partial(run, engine=engine, device="cpu")) for engine in engines)]
            for name, run in runs.items()
        ),
    ]


def markdown(rows: Table) -> str:
    """A table whose first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = f"|{' --- |' * len(rows[0])}"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


TABLES = {
    f.__name__: f for f in (models, white, camera, enlarged, found, letters, speed, maps, music)
}


def _shrunk(clean: Picture, scale: int, _: int) -> Picture:
    return degraded.bicubic(clean, scale)


def _upscaling(sets: Mapping[str, tuple[Sequence[Picture], Degradation]]) -> Table:
    """Pictures by the name of their set, and what they are put through: (clean, scale, number)."""
    rows = [["", *(f"{name}, x{scale}" for name in sets for scale in SCALES)]]
    for model in ("bicubic", "clean", "photo"):
        row = [model if model == "bicubic" else f"`{model}`"]
        for clean, degrade in sets.values():
            row += [f"{np.mean([*_scores(clean, degrade, scale, model)]):.2f}" for scale in SCALES]
        rows.append(row)
    return rows


def _scores(
    originals: Sequence[Picture], degrade: Degradation, scale: int, model: str
) -> Iterator[float]:
    for number, picture in enumerate(originals):
        height, width = (n - n % scale for n in picture.shape[:2])
        clean = picture[:height, :width]
        small = degrade(clean, scale, number)
        if model == "bicubic":
            made = resample(small, height, width)
        else:
            made = aecli.upscale(small, size=(width, height), model=model)
        inner = slice(scale, -scale)
        yield psnr(*(luma(x[inner, inner]) for x in (clean, made)))


def _denoised(noisy: Picture, name: str) -> Picture:
    return noisy if name == "noisy" else aecli.denoise(noisy, model=name)


def _colour(picture: Picture) -> Picture:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _means(scores) -> str:
    return " / ".join(f"{np.mean(values):.2f}" for values in scores)


def _timed(run) -> str:
    run()
    started = time.perf_counter()
    run()
    return f"{time.perf_counter() - started:.2f}"
