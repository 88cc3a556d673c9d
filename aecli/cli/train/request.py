"""What can be asked of `aecli train`: of every run, and of each task's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated, ClassVar

import typer

from aecli.cli import options
from aecli.training.config import LOSSES, OptimConfig, RunConfig
from aecli.training.request import LOGS, RunRequest

DATA = options.Panel("Images")
RECIPE = options.Panel("Recipe")
RUN = options.Panel("Run")


def duration(text: str) -> float:
    """Parse `--time`: `90s`, `30m`, `1.5h`, `1h30m`."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms]?)", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise typer.BadParameter(f"{text!r} is not a duration like 90s, 30m or 1h30m")
    return sum(float(number) * units[unit] for number, unit in parts)


def _recipes(context: typer.Context, incomplete: str) -> list[str]:
    """aecli's recipes for a task, for the shell's completion."""
    from aecli.training.recipes import abouts

    named = [name.split() for name, _ in abouts()]
    return [n for task, n in named if task == context.info_name and n.startswith(incomplete)]


def _architectures(context: typer.Context, incomplete: str) -> list[str]:
    """The architectures of a task, likewise."""
    from aecli.training.architectures import ARCHITECTURES

    return [n for n in ARCHITECTURES.get(context.info_name or "", ()) if n.startswith(incomplete)]


@dataclass(frozen=True)
class TrainRequest:
    """The options of every run; those of the engine's `RunRequest` under its own names."""

    OWN_BEFORE: ClassVar[str] = "recipe"

    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA",
            help="Images, folders (searched to the bottom), IDX files (MNIST's; test files count"
            " only alone), .npy, .npz or .zip files of images.",
        ),
    ]
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="What the model will be called.", show_default=False
        ),
    ]
    val: Annotated[
        list[str],
        DATA.option(
            metavar="DIR", help="Images to validate on; without it a share of DATA is held out."
        ),
    ] = field(default_factory=list)
    recipe: Annotated[
        str | None,
        RECIPE.option(
            metavar="FILE|NAME",
            help="A TOML recipe, or one of aecli's, which `aecli train --help` lists.",
            autocompletion=_recipes,
        ),
    ] = None
    settings: Annotated[
        list[str],
        RECIPE.option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a recipe's value, e.g. optim.lr=3e-4; repeatable.",
        ),
    ] = field(default_factory=list)
    loss: Annotated[
        str | None,
        RECIPE.option(
            metavar="|".join(LOSSES),
            help=f"What is minimised; the recipe's, or {OptimConfig.loss}. "
            + " ".join(f"{k}: {v}." for k, v in LOSSES.items()),
            autocompletion=options.one_of(LOSSES),
        ),
    ] = None
    start: Annotated[
        str | None,
        RECIPE.option(
            "--from", metavar="MODEL", help="Start from a model's weights instead of random ones."
        ),
    ] = None
    seed: Annotated[
        int | None,
        RECIPE.option(
            min=0,
            metavar="N",
            help="Of the initial weights, crops and degradation;"
            f" the recipe's, or {RunConfig.seed}.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        RUN.option(
            min=1,
            metavar="N",
            help=f"Length of the run in steps; the recipe's, or {RunConfig.steps}.",
        ),
    ] = None
    seconds: Annotated[
        float | None,
        RUN.option(
            "--time",
            parser=duration,
            metavar="30m",
            help="Length of the run in time, resumed parts included: 90s, 30m, 1h30m.",
        ),
    ] = None
    resume: Annotated[
        bool,
        RUN.option(
            "--resume", help="Go on with the run of that name, to its own end unless told another."
        ),
    ] = False
    folder: Annotated[
        Path | None,
        RUN.option(
            "--run-folder",
            metavar="DIR",
            help="Where the run keeps its state, metrics and weights (AECLI_HOME/runs/TASK-NAME).",
        ),
    ] = None
    overwrite: Annotated[
        bool, RUN.option("--overwrite", help="Replace a run and a model of that name.")
    ] = False
    log: Annotated[
        str | None,
        RUN.choice(
            tuple(LOGS),
            help="Keep a log of this kind, too, beside metrics.csv and curve.png. "
            + " ".join(f"{name}: {about}." for name, about in LOGS.items()),
        ),
    ] = None
    device: options.Device = "auto"
    precision: options.Precision = "auto"
    quiet: options.Quiet = False
    json: options.Json = False

    def run(self, task: str) -> RunRequest:
        """What the engine is asked for, as it suits DATA and the task's own options."""
        from aecli.training.fitting import fit

        common = {f.name for f in fields(TrainRequest)}
        shared = common & {f.name for f in fields(RunRequest)}
        given = {name: getattr(self, name) for name in shared} | {"val": self.val or None}
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in common}
        return fit(RunRequest(task=task, **given), **own)


@dataclass(frozen=True)
class TrainUpscaleRequest(TrainRequest):
    """The options of `aecli train upscale`."""

    scale: Annotated[
        int | None,
        RECIPE.option(
            "-s",
            "--scale",
            min=2,
            max=4,
            metavar="2|3|4",
            help="How many times larger the results are; the recipe's, or that of --from, or 2.",
        ),
    ] = None


@dataclass(frozen=True)
class TrainLatentRequest(TrainRequest):
    """The options of training a model with a latent space."""

    architecture: Annotated[
        str | None,
        RECIPE.option(
            "--arch",
            metavar="NAME",
            help="The kind of network; `aecli train --help` lists them.",
            autocompletion=_architectures,
        ),
    ] = None
    size: Annotated[
        int | None,
        RECIPE.option(
            min=16,
            max=128,
            metavar="N",
            help="Side of the images in pixels; the recipe's, or that of small pictures that are"
            " all of one size.",
        ),
    ] = None
    grey: Annotated[bool, RECIPE.option("--grey", help="Learn in grey, as of grey pictures.")] = (
        False
    )
    latent: Annotated[
        int | None,
        RECIPE.option(
            "--latent",
            "--dim",
            min=2,
            max=4096,
            metavar="N",
            help="Length of a latent vector, or channels of a latent grid.",
        ),
    ] = None
    beta: Annotated[
        float | None,
        RECIPE.option(
            "--beta",
            parser=options.factor,
            metavar="X",
            help="Of a VAE: weight of the KL divergence; above 1 the latents are more regular and"
            " the pictures more blurred.",
        ),
    ] = None


@dataclass(frozen=True)
class TrainGenerateRequest(TrainLatentRequest):
    """The options of `aecli train generate`."""

    classes: Annotated[
        bool,
        RECIPE.option(
            "--classes",
            help="Learn to tell classes apart: sub-folders, or labels beside the pictures.",
        ),
    ] = False


@dataclass(frozen=True)
class TrainEmbedRequest(TrainLatentRequest):
    """The options of `aecli train embed`."""
