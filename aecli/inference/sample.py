"""Generative models at work: noise to latents, latents to pictures, pictures to latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.checkpoints import store
from aecli.checkpoints.facts import LatentFacts
from aecli.checkpoints.novelty import RoundTrip, percentiles
from aecli.errors import ModelError
from aecli.images.levels import from_unit
from aecli.inference import engine as engines
from aecli.inference.abilities import Abilities
from aecli.inference.latents import labels_of, like

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from aecli.checkpoints.store import Found
    from aecli.inference.engine import Call, Choice

    Floats = NDArray[np.float32]
    Labels = NDArray[np.int64]
    Pictures = NDArray[np.uint8]

METHODS = ("encode", "decode", "draw")
"""What such a model can do; not all of them have the last."""

BATCH = 64
"""Samples computed at a time; on torch always: shorter batches are filled up.

It rounds differently in batches of different size; in this way a sample depends on its own noise
alone, and the first ten of a hundred are those of ten.
"""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some pictures and where they come from; shapes as `Sampler` has them.

    Attributes:
        latents: what was decoded.
        labels: with which classes; None without any.
        pictures: the result.
    """

    latents: Floats
    labels: Labels | None
    pictures: Pictures


class Sampler:
    """A model with a latent space; opened once for any number of pictures.

    Pictures are uint8, (N, size, size) of a grey model and (N, size, size, 3) of one in colour;
    latents and noise are float32, (N, *latent); labels are int64, (N,), places in `classes`.

    Attributes:
        name: the model's name.
        sha256: checksum of the file of its weights.
        size: side of its pictures in pixels.
        channels: 1 (grey) or 3 (RGB).
        latent: shape of one latent.
        classes: names of the classes it knows, in order.
        abilities: what its file says of it.
        choice: what it runs on.
        engine: the model where it runs.
    """

    def __init__(self, found: Found, choice: Choice) -> None:
        self.engine = choice.open(found.path)
        if self.engine.space is None:
            raise ModelError(f"{found.path} has no latent space to decode from")
        self.name, self.sha256 = found.name, store.sha256(found.path)
        space = self.engine.space
        self.size, self.channels = space.size, space.channels
        self.latent, self.classes = space.latent, space.classes
        self.abilities = Abilities.of(found)
        self.choice = choice
        self._novelty = LatentFacts.read(found.meta.training).novelty

    @classmethod
    def open(
        cls,
        found: Found,
        *,
        methods: Collection[str] = METHODS,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
    ) -> Sampler:
        """Verify and load a model.

        Args:
            found: its file, as `aecli.checkpoints.store.find` gives it.
            methods: those of `METHODS` that are needed.
            engine, device, precision: see `aecli.inference.engine.choose`.

        Raises:
            UsageError: no such engine, device or precision.
            ModelError: the model is damaged, or has no latent space.
        """
        store.verify(found)
        return cls(found, engines.choose([found.path], methods, engine, device, precision))

    def samples(
        self,
        count: int,
        seed: int,
        *,
        classes: Sequence[str] = (),
        temperature: float = 1.0,
        seen: Floats | None = None,
    ) -> Iterator[Batch]:
        """Samples of the prior; the k-th depends on the seed, on k and on the classes alone.

        Args:
            count: how many.
            seed: of their noise.
            classes: names of classes to draw by turns; all that the model knows where empty.
            temperature: scales the noise; below 1 is more typical, less varied.
            seen: latents of pictures, whose own distribution is drawn from instead of the prior.

        Raises:
            UsageError: a class that the model does not know, or there is no prior.
            ModelError: as `draw`.
        """
        if seen is None:
            self.abilities.need_prior()
        chosen = labels_of(classes or self.classes, self.classes, self.name)
        noises = self.noise(seed)
        for start in range(0, count, BATCH):
            noise = next(noises)[: count - start]
            turns = np.arange(start, start + len(noise))
            labels = chosen[turns % len(chosen)] if len(chosen) else None
            if seen is None:
                yield self.drawn(noise, labels, temperature)
            else:
                yield self.decoded(like(seen, noise * np.float32(temperature)), labels)

    def drawn(self, noise: Floats, labels: Labels | None, temperature: float = 1.0) -> Batch:
        """`draw`, then `decode`."""
        return self.decoded(self.draw(noise, labels, temperature), labels)

    def decoded(self, latents: Floats, labels: Labels | None) -> Batch:
        """`decode`, with what it came from."""
        return Batch(latents, labels, self.decode(latents, labels))

    def noise(self, seed: int) -> Iterator[Floats]:
        """Standard normal noise for batch after batch of samples, without end."""
        rng = np.random.default_rng(seed)
        while True:
            yield rng.standard_normal((BATCH, *self.latent), np.float32)

    def draw(self, noise: Floats, labels: Labels | None, temperature: float = 1.0) -> Floats:
        """Latents of the prior, from standard normal noise.

        Raises:
            ModelError: the model has no prior, or gives values that are not finite.
        """
        if not self.engine.has("draw"):
            raise ModelError(f"{self.name} has no prior to draw from")
        return self._apply(self.engine.calls, "draw", noise * np.float32(temperature), labels)

    def decode(self, latents: Floats, labels: Labels | None) -> Pictures:
        """The pictures that latents stand for.

        Raises:
            ModelError: the model gives values that are not finite.
        """
        images = self._apply(self.engine.calls, "decode", latents, labels)
        levels = from_unit(images)
        return levels[:, 0] if self.channels == 1 else levels.transpose(0, 2, 3, 1)

    def encode(self, pictures: Pictures, labels: Labels | None, *, batch: int = BATCH) -> Floats:
        """The latents of pictures, always in fp32: the mean of what the encoder gives.

        On torch, in batches of another size, the last digits differ.

        Raises:
            ModelError: the model gives values that are not finite.
        """
        return self._apply(self.engine.fp32, "encode", self._images(pictures), labels, batch)

    @property
    def knows_its_kind(self) -> bool:
        """Whether `novelty` can tell anything: old models cannot."""
        return self._novelty is not None

    def novelty(
        self, pictures: Pictures, latents: Floats, labels: Labels | None, *, batch: int = BATCH
    ) -> Floats:
        """How unlike the training data pictures are: percentiles, (N,); NaN where unknown.

        Args:
            pictures: the pictures.
            latents: what `encode` makes of them.
            labels: with which classes.
            batch: as there.

        Raises:
            ModelError: the model gives values that are not finite.
        """
        if self._novelty is None:
            return np.full(len(pictures), np.nan, np.float32)
        calls = self.engine.fp32
        output = self._apply(calls, "decode", latents, labels, batch).clip(0, 1)
        again = self._apply(calls, "encode", output, labels, batch)
        return percentiles(self._novelty, RoundTrip(self._images(pictures), output, latents, again))

    def _images(self, pictures: Pictures) -> Floats:
        """Pictures as the model takes them."""
        images = pictures[:, None] if self.channels == 1 else pictures.transpose(0, 3, 1, 2)
        return np.divide(images, 255, dtype=np.float32)

    def _apply(
        self,
        calls: Sequence[Call],
        method: str,
        x: Floats,
        labels: Labels | None,
        batch: int = BATCH,
    ) -> Floats:
        inputs: list[NDArray[Any]] = [x] if labels is None else [x, labels]
        size = max(batch, BATCH) if self.engine.alone else batch
        parts = []
        for start in range(0, len(x), size):
            given = [each[start : start + size] for each in inputs]
            if not self.engine.alone:
                given = [_filled(each, size) for each in given]
            parts.append(self._finite(calls, method, given))
        return np.concatenate(parts)[: len(x)]

    def _finite(self, calls: Sequence[Call], method: str, inputs: Sequence[Any]) -> Floats:
        """The first result that is finite: not in every precision all of them are."""
        for call in calls:
            result = call(method, *inputs)
            if np.isfinite(result).all():
                return result
        raise ModelError(f"{self.name} gives values that are not finite")


def _filled(values: NDArray[Any], size: int) -> NDArray[Any]:
    """A batch whose last sample is repeated until it is full."""
    fill = [(0, size - len(values))] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values, fill, mode="edge") if len(values) < size else values
