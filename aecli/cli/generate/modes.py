"""The kinds of picture that `aecli generate` makes, each as a grid."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.cli.generate.grid import Grid
from aecli.cli.generate.request import Mode
from aecli.errors import InputError, UsageError
from aecli.files.inputs import collect
from aecli.images import reading
from aecli.images.square import square
from aecli.inference.latents import axes, between, labels_of, quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aecli.cli.generate.abilities import Abilities
    from aecli.cli.generate.request import GenerateRequest
    from aecli.figures.sheet import Picture
    from aecli.inference.latents import Latents
    from aecli.inference.sample import Batch, Floats, Labels, Sampler

COUNT = 64
"""Samples, and so about the tiles of a grid, unless told otherwise."""

_SIDE = 20
_ACROSS = 8
_STEPS, _SWEEP = 10, 11


def compose(
    request: GenerateRequest, abilities: Abilities, seed: int | None, given: Latents | None
) -> Grid:
    """The grid that a request asks for.

    Args:
        request: what the user wants.
        abilities: of the model, which are those that the request needs.
        seed: of all chance; None where there is none.
        given: the content of the file that `--latents` names.

    Raises:
        UsageError: it cannot be made as asked.
        InputError: an image that it needs cannot be read.
    """
    if request.mode is Mode.LATENTS:
        assert given is not None
        return _decoded(request, abilities, given)
    if request.mode is Mode.RECONSTRUCT:
        return _reconstructed(request, abilities)
    if request.mode is Mode.INTERPOLATE:
        return _interpolated(request, abilities)
    if request.mode is Mode.MANIFOLD:
        side = request.columns or _SIDE
        return _prior(request, abilities, lambda _: quantiles(side), side, side, gap=0)
    if request.mode is Mode.TRAVERSE:
        assert abilities.dimensions is not None
        rows, steps = abilities.dimensions, request.steps or _SWEEP
        names = [f"z{k}" for k in range(rows)]
        return _prior(request, abilities, lambda _: axes(rows, steps), rows, steps, names=names)
    assert seed is not None
    if request.mode is Mode.INTERPOLATE_RANDOM:
        steps = request.steps or _STEPS

        def way(sampler: Sampler) -> Floats:
            noise = next(sampler.noise(seed))
            return between(noise[0], noise[1], steps)

        return _prior(request, abilities, way, 1, steps, separable=True)
    return _samples(request, abilities, seed)


def _samples(request: GenerateRequest, abilities: Abilities, seed: int) -> Grid:
    """Samples of the prior; of several classes by turns, so that each class is a row."""
    classes = request.classes or abilities.classes
    rows, count = len(classes), request.n or COUNT
    if rows > 1:
        if request.n is None:
            count = rows * (request.columns or max(1, COUNT // rows))
        elif request.columns is not None:
            raise UsageError(
                "with a row for each class, --columns follows from --n", "leave one of them out"
            )

    def make(sampler: Sampler) -> Iterator[Batch]:
        return sampler.samples(
            count, seed, classes=request.classes, temperature=_temperature(request)
        )

    if rows > 1:
        return Grid(count, rows, make, upright=True, names=classes, classes=classes)
    return Grid(count, request.columns or _square(count), make, classes=classes)


def _prior(
    request: GenerateRequest,
    abilities: Abilities,
    points: Callable[[Sampler], Floats],
    rows: int,
    columns: int,
    *,
    gap: int = Grid.gap,
    names: Sequence[str] = (),
    separable: bool = False,
) -> Grid:
    """Chosen points in the noise that the prior is made from.

    The way between two samples is laid there, too: every picture on it is then a sample.
    """

    def make(sampler: Sampler) -> Iterator[Batch]:
        noise = points(sampler)
        _check_shape(noise, sampler, request.mode.value)
        labels = _labels(request, abilities, len(noise))
        yield sampler.drawn(noise, labels, _temperature(request))

    return Grid(
        rows * columns,
        columns,
        make,
        gap=gap,
        names=names,
        classes=request.classes,
        separable=separable,
    )


def _interpolated(request: GenerateRequest, abilities: Abilities) -> Grid:
    assert request.interpolate is not None
    ends = np.stack([_picture(Path(name), abilities) for name in request.interpolate])
    steps = request.steps or _STEPS

    def make(sampler: Sampler) -> Iterator[Batch]:
        a, b = sampler.encode(ends, _labels(request, abilities, 2))
        yield sampler.decoded(between(a, b, steps), _labels(request, abilities, steps))

    encoded = dict(zip(request.interpolate, ends, strict=True))
    return Grid(steps, steps, make, classes=request.classes, encoded=encoded)


def _reconstructed(request: GenerateRequest, abilities: Abilities) -> Grid:
    pictures, sources, failures = [], [], []
    for source in collect(request.reconstruct):
        try:
            pictures.append(_picture(source.path, abilities))
            sources.append(source.name)
        except InputError as error:
            failures.append((source.name, error))
    if not pictures:
        raise failures[0][1]
    originals = np.stack(pictures)

    def make(sampler: Sampler) -> Iterator[Batch]:
        labels = _labels(request, abilities, len(originals))
        yield sampler.decoded(sampler.encode(originals, labels), labels)

    return Grid(
        len(originals),
        request.columns or min(_ACROSS, len(originals)),
        make,
        separable=False,
        sources=sources,
        failures=failures,
        originals=originals,
        encoded=dict(zip(sources, pictures, strict=True)),
    )


def _decoded(request: GenerateRequest, abilities: Abilities, given: Latents) -> Grid:
    count, labels = len(given.values), None
    if given.classes is not None:
        labels = labels_of(given.classes, abilities.classes, given.model)

    def make(sampler: Sampler) -> Iterator[Batch]:
        _check_shape(given.values, sampler, f"{request.latents}")
        yield sampler.decoded(given.values, labels)

    return Grid(count, request.columns or _square(count), make, classes=given.classes or ())


def _check_shape(latents: Floats, sampler: Sampler, what: str) -> None:
    """Whether they are points of the model's latent space, whatever its file's header says."""
    if latents.shape[1:] != sampler.latent:
        raise InputError(
            f"{what}: has latents of the shape {latents.shape[1:]}, {sampler.name} has those"
            f" of {sampler.latent}"
        )


def _temperature(request: GenerateRequest) -> float:
    return 1.0 if request.temperature is None else request.temperature


def _labels(request: GenerateRequest, abilities: Abilities, count: int) -> Labels | None:
    """The one class that was asked for, so many times."""
    if not request.classes:
        return None
    return np.full(count, abilities.classes.index(request.classes[0]), np.int64)


def _picture(path: Path | None, abilities: Abilities) -> Picture:
    """An image file as the model takes it; None for standard input."""
    image = reading.decode(sys.stdin.buffer.read() if path is None else path)
    return square(image, abilities.size, abilities.channels)


def _square(count: int) -> int:
    """The length of a row that makes a grid about square."""
    return int(np.ceil(np.sqrt(count)))
