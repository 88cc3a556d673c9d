"""What models with a latent space can do, told from their files' headers, without loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoints import store
from aecli.checkpoints.facts import LatentFacts
from aecli.checkpoints.format import read_meta
from aecli.errors import ModelError, Reason, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from aecli.checkpoints.store import Found
    from aecli.inference.latents import Latents


@dataclass(frozen=True)
class Abilities:
    """What a model's metadata say.

    Attributes:
        name: the model's name.
        size: side of its pictures in pixels.
        channels: 1 (grey) or 3 (RGB).
        dimensions: of its latent, where that is a vector; None where it is a grid.
        classes: names of the classes it knows, in order.
        prior: whether there is one over its latents: a plain autoencoder has none.
    """

    name: str
    size: int
    channels: int
    dimensions: int | None
    classes: tuple[str, ...]
    prior: bool = True

    @classmethod
    def of(cls, model: Found) -> Abilities:
        """The abilities of a model from its metadata.

        Raises:
            ModelError: it has no latent space, or its file is damaged.
        """
        meta = model.meta
        config = meta.config
        try:
            latent = LatentFacts.read(meta.training).latent or config["latent"]
            shape = [latent] if isinstance(latent, int) else latent
            dimensions = shape[0] if len(shape) == 1 else None
            classes = tuple(config.get("classes", ()))
            prior = config.get("variational") is not False
            return cls(model.name, config["size"], config["channels"], dimensions, classes, prior)
        except KeyError:
            raise ModelError(f"{model.name} has no latent space to decode from") from None

    def need(self, what: str, able: Callable[[Abilities], bool]) -> None:
        """See that the model can do something.

        Args:
            what: what it needs, for the message.
            able: tells of a model's abilities whether they are enough.

        Raises:
            UsageError: it cannot; the hint names installed models that can.
        """
        if not able(self):
            raise UsageError(what, _others(able))

    def refuse_unlike(self, other: Abilities) -> None:
        """See that the pictures of another model go beside those of this one.

        Raises:
            UsageError: they are of another size or colour.
        """
        mine, theirs = (self.size, self.channels), (other.size, other.channels)
        if mine != theirs:
            raise UsageError(
                f"pictures of {other.name} ({theirs[0]} pixels, {theirs[1]} channels) do not go"
                f" beside those of {self.name} ({mine[0]} pixels, {mine[1]} channels)"
            )

    def need_prior(self) -> None:
        """See that there is a prior to draw from.

        Raises:
            UsageError: there is none.
        """
        if not self.prior:
            raise UsageError(
                f"{self.name} is a plain autoencoder: it has no prior to draw from",
                reason=Reason.NO_PRIOR,
            )


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
        raise ModelError(f"{made_by}, which is not installed", reason=Reason.NOT_INSTALLED)
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
            if able(Abilities.of(found)):
                names.append(found.name)
        except ModelError:
            continue
    return f"models that can: {', '.join(names)}" if names else "no installed model can"
