"""What the user asks of `aecli generate`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Mode(Enum):
    """The kinds of picture, by the options that ask for them."""

    SAMPLES = "samples"
    MANIFOLD = "--manifold"
    INTERPOLATE = "--interpolate"
    INTERPOLATE_RANDOM = "--interpolate-random"
    RECONSTRUCT = "--reconstruct"
    TRAVERSE = "--traverse"
    LATENTS = "--latents"


_TAKES: Mapping[Mode, frozenset[str]] = {
    Mode.SAMPLES: frozenset({"--n", "--seed", "--class", "--temperature", "--columns"}),
    Mode.MANIFOLD: frozenset({"--class", "--temperature", "--columns"}),
    Mode.INTERPOLATE: frozenset({"--class", "--steps"}),
    Mode.INTERPOLATE_RANDOM: frozenset({"--seed", "--class", "--temperature", "--steps"}),
    Mode.RECONSTRUCT: frozenset({"--class", "--columns"}),
    Mode.TRAVERSE: frozenset({"--class", "--temperature", "--steps"}),
    Mode.LATENTS: frozenset({"--columns"}),
}
"""The options that mean something to each kind of picture."""


@dataclass(frozen=True)
class Request:
    """The options' values (`aecli.cli.generate`); None where one is not given.

    Raises:
        UsageError: they contradict each other.
    """

    out: str
    n: int | None
    seed: int | None
    classes: tuple[str, ...]
    temperature: float | None
    columns: int | None
    zoom: int
    manifold: bool
    interpolate: tuple[str, str] | None
    interpolate_random: bool
    reconstruct: tuple[str, ...]
    traverse: bool
    latents: str | None
    steps: int | None
    save_latents: str | None
    overwrite: bool
    model: str | None
    device: str
    precision: str
    json: bool
    quiet: bool

    def __post_init__(self) -> None:
        modes = self._modes()
        if len(modes) > 1:
            raise UsageError(f"{modes[0].value} and {modes[1].value} exclude each other")
        for option, value in self._options().items():
            if value not in (None, ()) and option not in _TAKES[self.mode]:
                raise UsageError(f"{option} means nothing to {self.mode.value}")
        if self.mode is not Mode.SAMPLES and len(self.classes) > 1:
            raise UsageError(f"{self.mode.value} takes one --class")

    @property
    def mode(self) -> Mode:
        """The kind of picture."""
        return (self._modes() or [Mode.SAMPLES])[0]

    @property
    def seeded(self) -> bool:
        """Whether chance has a part in the picture."""
        return "--seed" in _TAKES[self.mode]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files, and folders of them, that the picture is made from."""
        return (*self.reconstruct, *(self.interpolate or ()), *filter(None, [self.latents]))

    def command(self, model: str, seed: int | None, device: str, precision: str) -> str:
        """The command line that makes the picture again, less the name of the result.

        Files are named without their folders.
        """
        words = ["aecli", "generate", "--model", model]
        switches = (Mode.MANIFOLD, Mode.INTERPOLATE_RANDOM, Mode.TRAVERSE)
        if self.mode in switches:
            words.append(self.mode.value)
        elif self.mode is Mode.RECONSTRUCT:
            words += [w for name in self.reconstruct for w in (self.mode.value, _plain(name))]
        elif self.mode is not Mode.SAMPLES:
            words += [self.mode.value, *map(_plain, self.inputs)]
        for option, value in (self._options() | {"--seed": seed}).items():
            values = value if isinstance(value, tuple) else (value,)
            words += [w for v in values if v is not None for w in (option, str(v))]
        if self.zoom > 1:
            words += ["--zoom", str(self.zoom)]
        return shlex.join([*words, "--device", device, "--precision", precision])

    def _modes(self) -> list[Mode]:
        asked = {
            Mode.MANIFOLD: self.manifold,
            Mode.INTERPOLATE: self.interpolate,
            Mode.INTERPOLATE_RANDOM: self.interpolate_random,
            Mode.RECONSTRUCT: self.reconstruct,
            Mode.TRAVERSE: self.traverse,
            Mode.LATENTS: self.latents,
        }
        return [mode for mode, value in asked.items() if value]

    def _options(self) -> dict[str, object]:
        """The options that not every kind of picture takes."""
        return {
            "--n": self.n,
            "--seed": self.seed,
            "--class": self.classes,
            "--temperature": self.temperature,
            "--columns": self.columns,
            "--steps": self.steps,
        }


def _plain(name: str) -> str:
    return Path(name).name or name
