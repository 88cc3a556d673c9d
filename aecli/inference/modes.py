"""The kinds of picture that a model with a latent space makes, each as a grid."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.datasets.collecting import collect, evenly, find
from aecli.errors import InputError, UsageError
from aecli.files.inputs import natural
from aecli.images.square import square
from aecli.inference.grid import Grid
from aecli.inference.latents import axes, between, labels_of, quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aecli.datasets.item import Item
    from aecli.figures.sheet import Picture
    from aecli.inference.abilities import Abilities
    from aecli.inference.latents import Latents
    from aecli.inference.sample import Batch, Floats, Labels, Sampler

COUNT = 64
"""Samples, and so about the tiles of a grid, unless told otherwise."""

SEEN = 5000
"""Pictures whose latents are looked at, at most."""

_SIDE = 20
_ACROSS = 8
_STEPS, _SWEEP = 10, 11


def samples(
    model: Abilities,
    seed: int,
    *,
    count: int | None = None,
    columns: int | None = None,
    classes: Sequence[str] = (),
    temperature: float = 1.0,
    data: Sequence[str] = (),
) -> Grid:
    """Samples of the prior; of several classes by turns, so that each class is a row.

    Args:
        model: what draws.
        seed: of their noise.
        count: how many; None: `COUNT`, or as many as fill the rows.
        columns: pictures in a row; None: the grid is about square.
        classes: names of those to draw; all that the model knows where empty.
        temperature: scales the noise.
        data: pictures whose latents are drawn from instead of the prior; empty: the prior.

    Raises:
        UsageError: the model does not know a class, or has no prior; or both `count` and `columns`
            of a grid with a row for each class.
        InputError: none of the pictures can be read.
    """
    _check_classes(model, classes)
    if not data:
        model.need_prior()
    pictures = _pictures(evenly(collect(data), SEEN), model)[0] if data else {}
    names = classes or model.classes
    rows, tiles = len(names), count or COUNT
    if rows > 1:
        if count is None:
            tiles = rows * (columns or max(1, COUNT // rows))
        elif columns is not None:
            raise UsageError(
                "with a row for each class, the columns follow from the number of samples",
                "leave one of them out",
            )

    def make(sampler: Sampler) -> Iterator[Batch]:
        seen = sampler.encode(np.stack(list(pictures.values())), None) if pictures else None
        return sampler.samples(tiles, seed, classes=classes, temperature=temperature, seen=seen)

    if rows > 1:
        return Grid(tiles, rows, make, upright=True, names=names, classes=names)
    return Grid(tiles, columns or _square(tiles), make, classes=names)


def manifold(
    model: Abilities,
    *,
    side: int | None = None,
    classes: Sequence[str] = (),
    temperature: float = 1.0,
) -> Grid:
    """A square grid of the prior's quantiles, of a two-dimensional latent space.

    Args:
        model: what decodes.
        side: rows, and columns; None: 20.
        classes: none, or the one of all pictures.
        temperature: scales the grid.

    Raises:
        UsageError: the latent space has another dimension, or the model does not know the class.
    """
    found = "a grid" if model.dimensions is None else f"{model.dimensions}-dimensional"
    model.need(
        f"a manifold needs a two-dimensional latent space; that of {model.name} is {found}",
        lambda a: a.dimensions == 2,
    )
    length = side or _SIDE
    points = quantiles(length)
    return _prior(model, lambda _: points, (length, length), classes, temperature, gap=0)


def traversal(
    model: Abilities,
    *,
    steps: int | None = None,
    classes: Sequence[str] = (),
    temperature: float = 1.0,
) -> Grid:
    """A row for each latent dimension, swept while the others rest at 0.

    Args:
        model: what decodes.
        steps: pictures in a row; None: 11.
        classes: none, or the one of all pictures.
        temperature: scales the sweep.

    Raises:
        UsageError: the latent is no vector, or the model does not know the class.
    """
    model.need(
        f"a traversal needs a latent space of single dimensions; that of {model.name} is a grid",
        lambda a: a.dimensions is not None,
    )
    assert model.dimensions is not None
    rows, columns = model.dimensions, steps or _SWEEP
    names = [f"z{k}" for k in range(rows)]
    points = axes(rows, columns)
    return _prior(model, lambda _: points, (rows, columns), classes, temperature, names=names)


def between_samples(
    model: Abilities,
    seed: int,
    *,
    steps: int | None = None,
    classes: Sequence[str] = (),
    temperature: float = 1.0,
) -> Grid:
    """The way from one sample to another: every picture on it is a sample, too.

    Args:
        model: what draws.
        seed: of the two.
        steps: pictures, both included; None: 10.
        classes: none, or the one of all pictures.
        temperature: scales the noise.

    Raises:
        UsageError: the model does not know the class, or has no prior.
    """
    model.need_prior()
    count = steps or _STEPS

    def way(sampler: Sampler) -> Floats:
        noise = next(sampler.noise(seed))
        return between(noise[0], noise[1], count)

    return _prior(model, way, (1, count), classes, temperature, separable=True)


def between_pictures(
    model: Abilities,
    ends: tuple[str, str],
    *,
    steps: int | None = None,
    classes: Sequence[str] = (),
) -> Grid:
    """The way from one picture to another.

    Args:
        model: what encodes and decodes.
        ends: the files, or FILE::PLACE.
        steps: pictures, both included; None: 10.
        classes: none, or the one of all pictures.

    Raises:
        UsageError: the model does not know the class.
        InputError: a file cannot be read.
    """
    _check_classes(model, classes)
    pictures = np.stack([_picture(find(name), model) for name in ends])
    count = steps or _STEPS

    def make(sampler: Sampler) -> Iterator[Batch]:
        a, b = sampler.encode(pictures, _labels(model, classes, 2))
        yield sampler.decoded(between(a, b, count), _labels(model, classes, count))

    encoded = dict(zip(ends, pictures, strict=True))
    return Grid(count, count, make, classes=classes, encoded=encoded)


def reconstructions(
    model: Abilities,
    names: Sequence[str],
    *,
    count: int | None = None,
    columns: int | None = None,
    classes: Sequence[str] = (),
) -> Grid:
    """Pictures above what the model makes of them.

    Of more than are shown as many of each class are, a column each, or some evenly chosen.

    Args:
        model: what encodes and decodes.
        names: files, folders, and files of many pictures; what cannot be read is the grid's
            failures.
        count: how many are shown at most; None: `COUNT`.
        columns: pictures in a row; None: 8, or one a class.
        classes: none, or the one of all pictures.

    Raises:
        UsageError: the model does not know the class.
        InputError: none of the files can be read.
    """
    _check_classes(model, classes)
    items = collect(names)
    shown, across = _shown(items, count or COUNT)
    pictures, failures = _pictures(shown, model)
    originals = np.stack(list(pictures.values()))

    def make(sampler: Sampler) -> Iterator[Batch]:
        labels = _labels(model, classes, len(originals))
        yield sampler.decoded(sampler.encode(originals, labels), labels)

    return Grid(
        len(originals),
        columns or min(across, len(originals)),
        make,
        total=len(items),
        separable=False,
        sources=list(pictures),
        failures=failures,
        originals=originals,
        encoded=pictures,
    )


def decoded(model: Abilities, given: Latents, source: str, *, columns: int | None = None) -> Grid:
    """What latents stand for.

    Args:
        model: the one that made them.
        given: the content of a file of latents.
        source: the file, for messages.
        columns: pictures in a row; None: the grid is about square.

    Raises:
        UsageError: the model does not know one of their classes.
    """
    count, labels = len(given.values), None
    if given.classes is not None:
        labels = labels_of(given.classes, model.classes, given.model)

    def make(sampler: Sampler) -> Iterator[Batch]:
        _check_shape(given.values, sampler, source)
        yield sampler.decoded(given.values, labels)

    return Grid(count, columns or _square(count), make, classes=given.classes or ())


def _prior(
    model: Abilities,
    points: Callable[[Sampler], Floats],
    shape: tuple[int, int],
    classes: Sequence[str],
    temperature: float,
    *,
    gap: int = Grid.gap,
    names: Sequence[str] = (),
    separable: bool = False,
) -> Grid:
    """Chosen points, as many rows and columns of them, in the noise that the prior is made from."""
    _check_classes(model, classes)

    def make(sampler: Sampler) -> Iterator[Batch]:
        noise = points(sampler)
        _check_shape(noise, sampler, "the grid of points")
        yield sampler.drawn(noise, _labels(model, classes, len(noise)), temperature)

    rows, columns = shape
    return Grid(
        rows * columns,
        columns,
        make,
        gap=gap,
        names=names,
        classes=classes,
        separable=separable,
    )


def _check_classes(model: Abilities, classes: Sequence[str]) -> None:
    """See that a model knows classes; the hint names the nearest, or models that know any."""
    if classes:
        model.need(f"{model.name} knows no classes", lambda a: bool(a.classes))
    labels_of(classes, model.classes, model.name)


def _check_shape(latents: Floats, sampler: Sampler, what: str) -> None:
    """Whether they are points of the model's latent space, whatever its file's header says."""
    if latents.shape[1:] != sampler.latent:
        raise InputError(
            f"{what}: has latents of the shape {latents.shape[1:]}, {sampler.name} has those"
            f" of {sampler.latent}"
        )


def _labels(model: Abilities, classes: Sequence[str], count: int) -> Labels | None:
    """The one class that was asked for, so many times."""
    return labels_of(classes, model.classes, model.name).repeat(count) if classes else None


def _picture(item: Item, model: Abilities) -> Picture:
    """A picture as the model takes it."""
    return square(item.image(), model.size, model.channels)


def _shown(items: Sequence[Item], count: int) -> tuple[list[Item], int]:
    """So many pictures at most, and how many of them make a row."""
    if len(items) <= count:
        return list(items), _ACROSS
    labels = sorted({item.label for item in items}, key=lambda label: natural(Path(label)))
    each = count // len(labels)
    if len(labels) < 2 or not each:
        return evenly(items, count), _ACROSS
    chosen = [evenly([item for item in items if item.label == k], each) for k in labels]
    by_turns = zip_longest(*chosen)
    return [item for turn in by_turns for item in turn if item is not None], len(labels)


def _pictures(
    items: Sequence[Item], model: Abilities
) -> tuple[dict[str, Picture], list[tuple[str, InputError]]]:
    """Pictures by their names, as the model takes them; and those that cannot be read, and why.

    Raises:
        InputError: none of them can be read.
    """
    pictures: dict[str, Picture] = {}
    failures: list[tuple[str, InputError]] = []
    for item in items:
        try:
            pictures[item.name] = _picture(item, model)
        except InputError as error:
            failures.append((item.name, error))
    if not pictures:
        raise failures[0][1]
    return pictures, failures


def _square(count: int) -> int:
    """The length of a row that makes a grid about square."""
    return int(np.ceil(np.sqrt(count)))
