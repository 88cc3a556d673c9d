"""What the user asks of `aecli generate`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli import options
from aecli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.inference.engine import Choice

SAMPLES = options.Panel("Samples")
OTHERS = options.Panel("Other pictures of the latent space (one at a time)")


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
    Mode.SAMPLES: frozenset(
        {"--n", "--seed", "--class", "--temperature", "--columns", "--from-data"}
    ),
    Mode.MANIFOLD: frozenset({"--class", "--temperature", "--columns"}),
    Mode.INTERPOLATE: frozenset({"--class", "--steps"}),
    Mode.INTERPOLATE_RANDOM: frozenset({"--seed", "--class", "--temperature", "--steps"}),
    Mode.RECONSTRUCT: frozenset({"--class", "--columns", "--n"}),
    Mode.TRAVERSE: frozenset({"--class", "--temperature", "--steps"}),
    Mode.LATENTS: frozenset({"--columns"}),
}
"""The options that mean something to each kind of picture."""


@dataclass(frozen=True)
class GenerateRequest:
    """The options of `aecli generate`.

    Raises:
        UsageError: they contradict each other.
    """

    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="A picture, a folder (exists, or ends in /) for one file a sample, .mid for"
            " melodies to hear, or - for standard output; generated.png without it.",
            show_default=False,
        ),
    ] = "generated.png"
    n: Annotated[
        int | None,
        SAMPLES.option(
            "-n",
            "--n",
            min=1,
            metavar="N",
            help="How many samples, or pictures of --reconstruct; 64 without it.",
        ),
    ] = None
    seed: Annotated[
        int | None,
        SAMPLES.option(
            min=0,
            metavar="N",
            help="The same seed draws the same samples; a random one without it.",
        ),
    ] = None
    classes: Annotated[
        list[str],
        SAMPLES.option(
            "--class",
            metavar="NAME",
            help="Draw this class; repeatable. A model with classes draws a row of each without"
            " it.",
        ),
    ] = field(default_factory=list)
    temperature: Annotated[
        float | None,
        SAMPLES.option(
            parser=options.factor,
            metavar="X",
            help="Scales the noise: below 1 is more typical and less varied.",
        ),
    ] = None
    from_data: Annotated[
        list[str],
        SAMPLES.option(
            "--from-data",
            metavar="DATA",
            help="Draw latents like those of these pictures instead of the prior's: for plain"
            " autoencoders, which have none. Repeatable.",
        ),
    ] = field(default_factory=list)
    columns: Annotated[
        int | None,
        SAMPLES.option(
            min=1,
            metavar="N",
            help="Pictures in a row; of --manifold also the rows, 20 without it.",
        ),
    ] = None
    zoom: Annotated[
        int, SAMPLES.option(min=1, max=64, metavar="N", help="Enlarge every pixel to N x N.")
    ] = 1
    manifold: Annotated[
        bool,
        OTHERS.option(
            "--manifold",
            help="Of a two-dimensional latent space: decode a grid of the prior's quantiles.",
        ),
    ] = False
    interpolate: Annotated[
        tuple[str, str] | None,
        OTHERS.option(
            metavar="A B",
            help="The way from one image to another: a strip, or an animation where OUT ends in"
            " .gif, .webp or .apng.",
        ),
    ] = None
    interpolate_random: Annotated[
        bool, OTHERS.option("--interpolate-random", help="The same between two samples.")
    ] = False
    reconstruct: Annotated[
        list[str],
        OTHERS.option(
            metavar="IN",
            help="Images, folders, or files of many (FILE::INDEX is one of these), above what the"
            " model makes of them, with PSNR; repeatable.",
        ),
    ] = field(default_factory=list)
    traverse: Annotated[
        bool,
        OTHERS.option(
            "--traverse",
            help="One row a latent dimension, swept from -3 to 3 while the others rest at 0.",
        ),
    ] = False
    latents: Annotated[
        str | None,
        OTHERS.option(
            "--latents",
            metavar="FILE.npz",
            help="Decode these latents with the model that made them.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        OTHERS.option(
            min=2,
            metavar="N",
            help="Pictures in an interpolation (10 without it) or a row of --traverse (11).",
        ),
    ] = None
    save_latents: Annotated[
        str | None,
        OTHERS.option(
            metavar="FILE.npz", help="Also write the latents of the pictures, for --latents."
        ),
    ] = None
    overwrite: options.Overwrite = False
    models: Annotated[
        list[str],
        options.MODEL.option(
            "-m",
            "--model",
            metavar="NAME|PATH",
            help="A model's name (see `aecli models list`) or a .safetensors file; of"
            " --reconstruct several, a row each.",
            autocompletion=options.model_names,
        ),
    ] = field(default_factory=list)
    engine: options.Engine = "auto"
    device: options.Device = "auto"
    precision: options.Precision = "auto"
    json: options.Json = False
    quiet: options.Quiet = False

    def __post_init__(self) -> None:
        modes = self._modes()
        if len(modes) > 1:
            raise UsageError(f"{modes[0].value} and {modes[1].value} exclude each other")
        for option, value in self._options().items():
            if value not in (None, []) and option not in _TAKES[self.mode]:
                raise UsageError(f"{option} means nothing to {self.mode.value}")
        if self.mode is not Mode.RECONSTRUCT and len(self.models) > 1:
            raise UsageError(f"{self.mode.value} takes one model", "--reconstruct takes several")
        if self.mode is not Mode.SAMPLES and len(self.classes) > 1:
            raise UsageError(f"{self.mode.value} takes one --class")

    @property
    def mode(self) -> Mode:
        """The kind of picture."""
        return (self._modes() or [Mode.SAMPLES])[0]

    @property
    def model(self) -> str | None:
        """The model, or the first of several; None for the default."""
        return next(iter(self.models), None)

    @property
    def seeded(self) -> bool:
        """Whether chance has a part in the picture."""
        return "--seed" in _TAKES[self.mode]

    @property
    def draws(self) -> bool:
        """Whether the prior has a part in the picture."""
        return "--temperature" in _TAKES[self.mode] and not self.from_data

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files, and folders of them, that the picture is made from."""
        named = (*self.reconstruct, *(self.interpolate or ()), *self.from_data)
        return (*named, *filter(None, [self.latents]))

    def command(self, models: Sequence[str], seed: int | None, choice: Choice) -> str:
        """The command line that makes the picture again, less the name of the result.

        Files are named without their folders.
        """
        words = ["aecli", "generate", *(w for model in models for w in ("--model", model))]
        switches = (Mode.MANIFOLD, Mode.INTERPOLATE_RANDOM, Mode.TRAVERSE)
        if self.mode in switches:
            words.append(self.mode.value)
        elif self.mode is Mode.RECONSTRUCT:
            words += [w for name in self.reconstruct for w in (self.mode.value, _plain(name))]
        elif self.mode is not Mode.SAMPLES:
            words += [self.mode.value, *map(_plain, self.inputs)]
        for option, value in (self._options() | {"--seed": seed}).items():
            values = value if isinstance(value, list) else [value]
            words += [w for v in values if v is not None for w in (option, str(v))]
        if self.zoom > 1:
            words += ["--zoom", str(self.zoom)]
        words += ["--engine", choice.name, "--device", choice.device]
        return shlex.join([*words, "--precision", choice.precision])

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
            "--from-data": [_plain(name) for name in self.from_data],
            "--steps": self.steps,
        }


def _plain(name: str) -> str:
    return Path(name).name or name
