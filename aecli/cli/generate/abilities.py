"""What models with a latent space can do, told from their files' headers, without loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoints import store
from aecli.checkpoints.facts import LatentFacts
from aecli.checkpoints.format import read_meta
from aecli.cli.generate.request import Mode
from aecli.errors import ModelError, UsageError, did_you_mean
from aecli.inference.latents import labels_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aecli.checkpoints.format import Meta
    from aecli.checkpoints.store import Found
    from aecli.cli.generate.request import GenerateRequest
    from aecli.inference.latents import Latents


@dataclass(frozen=True)
class Abilities:
    """What a model's metadata say.

    Attributes:
        size: side of its pictures in pixels.
        channels: 1 (grey) or 3 (RGB).
        dimensions: of its latent, where that is a vector; None where it is a grid.
        classes: names of the classes it knows, in order.
    """

    size: int
    channels: int
    dimensions: int | None
    classes: tuple[str, ...]

    @classmethod
    def of(cls, meta: Meta) -> Abilities:
        """The abilities of a model from its metadata.

        Raises:
            ModelError: it has no latent space.
        """
        config = meta.config
        try:
            latent = LatentFacts.read(meta.training).latent or config["latent"]
            shape = [latent] if isinstance(latent, int) else latent
            dimensions = shape[0] if len(shape) == 1 else None
            classes = tuple(config.get("classes", ()))
            return cls(config["size"], config["channels"], dimensions, classes)
        except KeyError:
            raise ModelError(f"{meta.tag} has no latent space to decode from") from None


def check(request: GenerateRequest, model: Found) -> Abilities:
    """The abilities of a model, which are those that the request needs.

    Raises:
        UsageError: they are not; the hint names models that can, or the classes it knows.
        ModelError: it has no latent space, or its file is damaged.
    """
    abilities, name = Abilities.of(model.meta), model.name
    if request.mode is Mode.MANIFOLD and abilities.dimensions != 2:
        found = "a grid" if abilities.dimensions is None else f"{abilities.dimensions}-dimensional"
        raise UsageError(
            f"--manifold needs a two-dimensional latent space; that of {name} is {found}",
            _others(lambda a: a.dimensions == 2),
        )
    if request.mode is Mode.TRAVERSE and abilities.dimensions is None:
        raise UsageError(
            f"--traverse needs a latent space of single dimensions; that of {name} is a grid",
            _others(lambda a: a.dimensions is not None),
        )
    if request.classes and not abilities.classes:
        raise UsageError(f"--class: {name} knows no classes", _others(lambda a: bool(a.classes)))
    labels_of(request.classes, abilities.classes, name)
    return abilities


def maker(latents: Latents, source: str, model: str | None) -> Found:
    """The model that made latents, of whatever task: their file carries its checksum.

    Args:
        latents: the content of a file.
        source: the file, for messages.
        model: the name or path of the model the user wants; None: that of the file.

    Raises:
        UsageError: the wanted model is not the one that made them.
        ModelError: the one that made them is not installed.
    """
    candidates = _candidates(model or latents.model)
    if model is None:
        candidates += [found for found in store.entries() if found.name != latents.model]
    for found in candidates:
        if store.sha256(found.path) == latents.sha256:
            return found
    made_by = f"{source} was made by {latents.model} (sha256 {latents.sha256[:12]}...)"
    if model is None:
        raise ModelError(f"{made_by}, which is not installed", "-m names its file")
    if not candidates:
        names = {found.name for found in store.entries()}
        raise ModelError(f"there is no model {model!r}", did_you_mean(model, names))
    other = store.sha256(candidates[0].path)[:12]
    raise UsageError(f"{made_by}, not by {candidates[0].name} (sha256 {other}...)")


def _candidates(model: str) -> list[Found]:
    """The installed models of a name, whatever their task, or the file at a path."""
    named = [found for found in store.entries() if found.name == model]
    if not named and Path(model).is_file():
        meta = read_meta(Path(model))
        return [store.Found(Path(model), meta.task, meta.tag, store.Origin.PATH)]
    return named


def _others(able: Callable[[Abilities], bool]) -> str:
    """A hint that names the installed models that can."""
    names = []
    for found in store.entries("generate"):
        try:
            if able(Abilities.of(found.meta)):
                names.append(found.name)
        except ModelError:
            continue
    return f"models that can: {', '.join(names)}" if names else "no installed model can"
