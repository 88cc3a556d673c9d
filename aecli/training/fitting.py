"""A recipe made to fit what the user has: the size, channels and classes of DATA."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from aecli.errors import UsageError, did_you_mean
from aecli.training import recipes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.training.request import Request

ARCHITECTURES = {"flow": None, "vae": "vae"}
"""Architectures, and the recipes with which they learn a user's own images."""

DIGIT, ICON = 28, 64
"""Sides of images unless told otherwise: of IDX files, and of others."""


def fitted(
    request: Request,
    *,
    size: int | None,
    grey: bool,
    classes: bool,
    latent: int | None,
    architecture: str | None,
) -> Request:
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
        raise UsageError("--arch goes neither with --recipe nor with --resume")
    settings: dict[str, object] = {}
    if architecture is not None:
        request = replace(request, recipe=ARCHITECTURES[architecture])
    if request.recipe in (None, *ARCHITECTURES.values()) and not (request.resume or request.start):
        digits = _all_idx(request.data)
        size = size or (DIGIT if digits else ICON)
        settings["model.channels"] = 1 if digits or grey else 3
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
    request: Request, *, size: int | None, grey: bool, dim: int | None
) -> Request:
    """The request with the options of `aecli train embed` as settings of its recipe.

    Where neither a recipe nor a model to start from is named, the model's size and channels follow
    from DATA, too.
    """
    settings: dict[str, object] = {}
    if request.recipe is None and not (request.resume or request.start):
        digits = _all_idx(request.data)
        if digits:
            size = size or DIGIT
        if digits or grey:
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


def _chosen(request: Request) -> str | None:
    """The architecture that a setting names."""
    names = [s.partition("=")[2].strip(' "') for s in request.settings if _names_one(s)]
    return names[-1] if names else None


def _names_one(setting: str) -> bool:
    return setting.partition("=")[0].strip() == "model.architecture"


def _with(request: Request, settings: Mapping[str, object]) -> Request:
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
        raise UsageError(f"all pictures are of one class, {names[0]}", "train without --classes")
    return names


def _all_idx(data: Sequence[str]) -> bool:
    from pathlib import Path

    from aecli.training import sources

    return bool(data) and all(sources.idx_files(Path(name).expanduser()) for name in data)
