"""A recipe made to fit what the user has: the size, channels and classes of DATA."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.datasets.collecting import collect
from aecli.errors import InputError, Reason, UsageError, did_you_mean
from aecli.files.inputs import natural
from aecli.training import build, recipes
from aecli.training.data import evenly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.training.request import RunRequest

ARCHITECTURES = {"flow": None, "vae": "vae"}
"""Architectures, and the recipes with which they learn a user's own images."""

ICON = 64
"""Side of images unless told otherwise; small ones that are all of one size keep it."""

LEAST = 16
"""Side of the smallest images that models take, pixels."""

MOST_CROPS = 128
"""Crops of a batch whose crops are smaller than the recipe's, at most."""

LOOKED_AT = 48
"""Pictures by which DATA is judged."""


@dataclass(frozen=True)
class Look:
    """What DATA is like, as some of its pictures show.

    Attributes:
        side: of square pictures that are all of one size and small, `LEAST` to `ICON` pixels; None
            of others.
        grey: whether all are.
        longest: the longest side of all, pixels; 0 where none can be read.
    """

    side: int | None = None
    grey: bool = False
    longest: int = 0


@functools.lru_cache(maxsize=2)
def look(data: tuple[str, ...]) -> Look:
    """Look at some pictures, evenly chosen; those that cannot be read tell nothing.

    Raises:
        UsageError, InputError: as `aecli.datasets.collecting.collect`.
    """
    images = []
    for item in evenly(collect(data, training=True), LOOKED_AT):
        try:
            images.append(item.image())
        except InputError:
            continue
    if not images:
        return Look()
    sizes = {(image.height, image.width) for image in images}
    height, width = next(iter(sizes))
    small = len(sizes) == 1 and height == width and LEAST <= height <= ICON
    return Look(
        height if small else None,
        all(image.grey for image in images),
        max(max(size) for size in sizes),
    )


def fitted(
    request: RunRequest,
    *,
    size: int | None,
    grey: bool,
    classes: bool,
    latent: int | None,
    architecture: str | None,
) -> RunRequest:
    """The request with the options of `aecli train generate` as settings of its recipe.

    Where neither a recipe nor a model to start from is named, the model's size, channels and levels
    follow from DATA, too.

    Raises:
        UsageError: the options contradict each other, or DATA has no classes.
    """
    if architecture is not None and architecture not in ARCHITECTURES:
        raise UsageError(
            f"no architecture {architecture!r} for generate",
            did_you_mean(architecture, ARCHITECTURES),
        )
    if architecture is not None and (request.recipe or request.resume):
        raise UsageError("an architecture goes neither with a recipe nor with a run to resume")
    settings: dict[str, object] = {}
    if architecture is not None:
        request = replace(request, recipe=ARCHITECTURES[architecture])
    if request.recipe in (None, *ARCHITECTURES.values()) and not (request.resume or request.start):
        seen = look(tuple(request.data))
        size = size or seen.side or ICON
        settings["model.channels"] = 1 if seen.grey or grey else 3
        chosen = _chosen(request) or recipes.load("generate", request.recipe).model["architecture"]
        if chosen in ARCHITECTURES:
            settings["model.widths"] = widths(size, vae=chosen == "vae")
    elif grey:
        settings["model.channels"] = 1
    if size is not None:
        settings["model.size"] = size
    if latent is not None:
        settings["model.latent"] = latent
    if classes:
        settings["model.classes"] = class_names(request.data)
    return _with(request, settings)


def fitted_for_search(
    request: RunRequest, *, size: int | None, grey: bool, dim: int | None
) -> RunRequest:
    """The request with the options of `aecli train embed` as settings of its recipe.

    Where neither a recipe nor a model to start from is named, the model's size and channels follow
    from DATA, too.
    """
    settings: dict[str, object] = {}
    if request.recipe is None and not (request.resume or request.start):
        seen = look(tuple(request.data))
        size = size or seen.side
        if seen.grey or grey:
            settings["model.channels"] = 1
        if size is not None and _chosen(request) in (None, "vae"):
            settings["model.widths"] = [*widths(size, vae=True), 128]
            settings["model.linear"] = size // 2
    elif grey:
        settings["model.channels"] = 1
    if size is not None:
        settings["model.size"] = size
    if dim is not None:
        settings["model.latent"] = dim
        settings["model.detail"] = dim * 2 // 3
    return _with(request, settings)


def fitted_to_crops(request: RunRequest) -> RunRequest:
    """The request, with crops as small as the pictures where all of these are smaller than crops.

    As many more of them make a batch, so that a step sees about as many pixels.
    """
    if request.resume:
        return request
    recipe = recipes.load(request.task, request.recipe, request.settings)
    before, longest = recipe.data.crop, look(tuple(request.data)).longest
    if not 0 < longest < before:
        return request
    spec, config = build.architecture(recipe, None)
    geometry = spec.geometry(config)
    unit = geometry.multiple_of * geometry.scale
    crop = max(unit, geometry.minimum * geometry.scale, longest // unit * unit)
    batch = min(recipe.data.batch * max(1, before // crop) ** 2, max(MOST_CROPS, recipe.data.batch))
    return _with(request, {"data.crop": crop, "data.val_crop": crop, "data.batch": batch})


def _chosen(request: RunRequest) -> str | None:
    """The architecture that a setting names."""
    names = [s.partition("=")[2].strip(' "') for s in request.settings if _names_one(s)]
    return names[-1] if names else None


def _names_one(setting: str) -> bool:
    return setting.partition("=")[0].strip() == "model.architecture"


def _with(request: RunRequest, settings: Mapping[str, object]) -> RunRequest:
    """The request with settings that its own go before."""
    given = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    return replace(request, settings=[*given, *request.settings])


def widths(size: int, *, vae: bool) -> list[int]:
    """Channels a level that suit a side: a grid of 4 cells along it (vae), of 7 to 15 (flow)."""
    if vae:
        levels = max(1, (size - 1).bit_length() - 2)
        return [32, *[64] * (levels - 1)]
    side, levels = size // 2, 1
    while side % 2 == 0 and side >= 14:
        side, levels = side // 2, levels + 1
    return [48, 96] if levels == 2 else [32, 64, 128, 128][:levels]


def class_names(data: Sequence[str]) -> list[str]:
    """The labels of DATA's pictures, in natural order.

    Raises:
        UsageError: a picture has none, or all the same.
    """
    items = collect(data, training=True)
    for item in items:
        if not item.label:
            raise UsageError(
                f"{item.name} is of no class",
                "classes are the names of sub-folders, or labels beside the pictures",
            )
    names = sorted({item.label for item in items}, key=lambda name: natural(Path(name)))
    if len(names) < 2:
        raise UsageError(f"all pictures are of one class, {names[0]}", reason=Reason.ONE_CLASS)
    return names
