"""A recipe made to fit what the user has: the size, channels and classes of DATA."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.checkpoints import store
from aecli.datasets.collecting import collect
from aecli.errors import Reason, UsageError, did_you_mean
from aecli.files.inputs import natural
from aecli.models.registry import Registry
from aecli.training import build, recipes
from aecli.training.architectures import ARCHITECTURES, Architecture
from aecli.training.looking import ICON, longest, look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.training.looking import Look
    from aecli.training.request import RunRequest

_LATENT = ("architecture", "size", "grey", "latent", "beta")

WISHES: Mapping[str, Sequence[str]] = {
    "upscale": ("scale",),
    "generate": (*_LATENT, "classes"),
    "embed": _LATENT,
}
"""What only training for some tasks can be asked for."""

MELODIES = "melodies"
"""The recipe by which tunes are learnt."""

FOLD = 2
"""The sides of a flow's pictures are multiples of it, pixels."""

MOSTLY = 0.8
"""Share of extreme pixels that is most of them."""

MOST_CROPS = 128
"""Crops of a batch whose crops are smaller than the recipe's, at most."""


def fit(request: RunRequest, **wishes: Any) -> RunRequest:
    """The request as it suits DATA, with what only models of its task can be asked.

    Args:
        request: what the user asks for.
        wishes: None and False are none. Of upscaling models `scale`; of those with a latent space
            what `fitted` takes, `classes` only of generators.

    Raises:
        UsageError: a wish is not for that task; or as `fitted`.
    """
    given = {name: wish for name, wish in wishes.items() if wish not in (None, False)}
    for name in given:
        if name not in WISHES.get(request.task, ()):
            raise UsageError(f"training for {request.task} cannot be asked for {name!r}")
    if request.task in ARCHITECTURES:
        return fitted(request, **given)
    if request.task == "upscale":
        request = _of_family(request, given.get("scale"))
    return fitted_to_crops(request)


def _of_family(request: RunRequest, scale: int | None) -> RunRequest:
    """The run of one member of a family, named after it, for the scale asked for.

    Unasked it is the recipe's, or else that of the model to start from. Of a family to start from
    it is the member for that scale, where there is one.
    """
    start = request.start
    members = {} if start is None else store.scales("upscale", start)
    model = recipes.load("upscale", request.recipe, request.settings).model
    scale = scale or model.get("scale", min(members, default=2))
    if len(members) > 1 and scale in members:
        start = members[scale].name
    settings = [*request.settings, f"model.scale={scale}"]
    name = store.family_member(request.name, scale)
    return replace(request, name=name, start=start, settings=settings)


def fitted(
    request: RunRequest,
    *,
    architecture: str | None = None,
    size: int | None = None,
    grey: bool = False,
    classes: bool = False,
    latent: int | None = None,
    beta: float | None = None,
) -> RunRequest:
    """The request of a model with a latent space, its wishes as settings of its recipe.

    Where neither a recipe nor a model to start from is named, the model's size, channels and
    levels, and the loss of a VAE, follow from DATA, too; generators of tunes learn by the recipe
    `MELODIES`.

    Args:
        request: what the user asks for.
        architecture: one of `ARCHITECTURES`, or of the registry; None: the recipe's.
        size: side of the images, pixels.
        grey: whether they become grey.
        classes: whether the model learns to tell DATA's classes apart.
        latent: length of a latent vector, or channels of a latent grid.
        beta: weight of the KL divergence.

    Raises:
        UsageError: the wishes contradict each other, or DATA has no classes.
    """
    settings: dict[str, object] = {}
    if architecture is not None:
        if request.recipe or request.resume:
            raise UsageError("an architecture goes neither with a recipe nor with a run to resume")
        chosen = _architecture(request.task, architecture)
        request = replace(request, recipe=chosen.recipe)
        settings |= chosen.settings
    afresh = not (request.resume or request.start)
    free = not (architecture or request.recipe or any(map(_names_one, request.settings)))
    if afresh and free and request.task == "generate" and look(tuple(request.data)).music:
        request = replace(request, recipe=MELODIES)
    ours = request.recipe in {None, *(a.recipe for a in ARCHITECTURES[request.task].values())}
    network = _network(request, settings)
    if ours and afresh:
        seen = look(tuple(request.data))
        settings |= _as_data(request, network, seen, size=size, grey=grey)
    elif grey:
        settings["model.channels"] = 1
    if size is not None:
        settings["model.size"] = size
    if latent is not None:
        settings["model.latent"] = latent
        if request.task == "embed" and request.recipe is None and network == "vae":
            settings["model.detail"] = latent * 2 // 3
    if beta is not None:
        settings["objective.beta"] = beta
    if classes:
        settings["model.classes"] = class_names(request.data)
    return _with(request, settings)


def _as_data(
    request: RunRequest, network: str, seen: Look, *, size: int | None, grey: bool
) -> dict[str, object]:
    """The settings that follow from DATA."""
    side = size or seen.side or (None if request.task == "embed" else ICON)
    settings: dict[str, object] = {"model.channels": 1 if seen.grey or grey else 3}
    if network == "flow" and side is not None and size is None:
        side -= side % FOLD
    if side is not None:
        settings["model.size"] = side
        if network in ("flow", "vae"):
            settings["model.widths"] = widths(side, vae=network == "vae")
        if network == "vae" and request.task == "embed" and request.recipe is None:
            settings["model.widths"] = [*widths(side, vae=True), 128]
            settings["model.linear"] = side // 2
    if request.recipe == "vae" and seen.extreme >= MOSTLY:
        settings["optim.loss"] = "bce"
    return settings


def _architecture(task: str, name: str) -> Architecture:
    """One that is offered by name, or else one of the registry."""
    if name in ARCHITECTURES[task]:
        return ARCHITECTURES[task][name]
    others = [spec.name for spec in Registry.discover().for_task(task)]
    if name not in others:
        known = [*ARCHITECTURES[task], *others]
        raise UsageError(f"no architecture {name!r} for {task}", did_you_mean(name, known))
    return Architecture("", None, {"model.architecture": name})


def fitted_to_crops(request: RunRequest) -> RunRequest:
    """The request, with crops as small as the pictures where all of these are smaller than crops.

    As many more of them make a batch, so that a step sees about as many pixels.
    """
    if request.resume:
        return request
    recipe = recipes.load(request.task, request.recipe, request.settings)
    before, side = recipe.data.crop, longest(request.data)
    if not 0 < side < before:
        return request
    spec, config = build.architecture(recipe)
    geometry = spec.geometry(config)
    unit = geometry.multiple_of * geometry.scale
    crop = max(unit, geometry.minimum * geometry.scale, side // unit * unit)
    batch = min(recipe.data.batch * max(1, before // crop) ** 2, max(MOST_CROPS, recipe.data.batch))
    return _with(request, {"data.crop": crop, "data.val_crop": crop, "data.batch": batch})


def _network(request: RunRequest, settings: Mapping[str, object]) -> str:
    """The network that settings name, or else the recipe."""
    names = [s.partition("=")[2].strip(' "') for s in request.settings if _names_one(s)]
    found = [*names[-1:], settings.get("model.architecture")]
    if request.resume or request.start:
        return ""
    recipe = recipes.load(request.task, request.recipe).model.get("architecture", "")
    return str(next((name for name in found if name), recipe))


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
