"""The options of `aecli train`, each once: their meaning, help and place in the help."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from aecli.training.config import LOSSES, OptimConfig, RunConfig

DATA = "Images"
RECIPE = "Recipe"
RUN = "Run"


def duration(text: str) -> float:
    """Parse `--time`: `90s`, `30m`, `1.5h`, `1h30m`."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms]?)", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise typer.BadParameter(f"{text!r} is not a duration like 90s, 30m or 1h30m")
    return sum(float(number) * units[unit] for number, unit in parts)


Data = Annotated[
    list[str],
    typer.Argument(metavar="DATA", help="Images, and folders of them, searched to the bottom."),
]
Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="NAME", help="What the model will be called.", show_default=False
    ),
]
Val = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR",
        help="Images to validate on; without it a share of DATA is held out.",
        rich_help_panel=DATA,
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|NAME", help="A TOML recipe, or one of aecli's.", rich_help_panel=RECIPE
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a recipe's value, e.g. optim.lr=3e-4; repeatable.",
        rich_help_panel=RECIPE,
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(LOSSES),
        help=f"What is minimised; the recipe's, or {OptimConfig.loss}. "
        + " ".join(f"{k}: {v}." for k, v in LOSSES.items()),
        rich_help_panel=RECIPE,
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="MODEL",
        help="Start from a model's weights instead of random ones.",
        rich_help_panel=RECIPE,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help=f"Of the initial weights, crops and degradation; the recipe's, or {RunConfig.seed}.",
        rich_help_panel=RECIPE,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help=f"Length of the run in steps; the recipe's, or {RunConfig.steps}.",
        rich_help_panel=RUN,
    ),
]
Time = Annotated[
    float | None,
    typer.Option(
        "--time",
        parser=duration,
        metavar="30m",
        help="Length of the run in time, resumed parts included: 90s, 30m, 1h30m.",
        rich_help_panel=RUN,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the run of that name, to its own end unless told another.",
        rich_help_panel=RUN,
    ),
]
RunFolder = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Where the run keeps its state, metrics and weights (AECLI_HOME/runs/TASK-NAME).",
        rich_help_panel=RUN,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace a run and a model of that name.", rich_help_panel=RUN
    ),
]
Scale = Annotated[
    int | None,
    typer.Option(
        "-s",
        "--scale",
        min=2,
        max=4,
        metavar="2|3|4",
        help="How many times larger the results are; the recipe's, or 2.",
        rich_help_panel=RECIPE,
    ),
]
Size = Annotated[
    int | None,
    typer.Option(
        min=16,
        max=128,
        metavar="N",
        help="Side of the images in pixels; the recipe's, or 28 for IDX files, else 64.",
        rich_help_panel=RECIPE,
    ),
]
Grey = Annotated[
    bool,
    typer.Option("--grey", help="Learn in grey; IDX files always are.", rich_help_panel=RECIPE),
]
Classes = Annotated[
    bool,
    typer.Option(
        "--classes",
        help="Learn to tell classes apart: the names of DATA's sub-folders, or IDX labels.",
        rich_help_panel=RECIPE,
    ),
]
Latent = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Length of a latent vector (vae), or channels of a latent grid (flow).",
        rich_help_panel=RECIPE,
    ),
]
Arch = Annotated[
    str | None,
    typer.Option(
        metavar="flow|vae",
        help="flow: the best samples. vae: a plain latent vector, blurred samples. Or a --recipe.",
        rich_help_panel=RECIPE,
    ),
]
Dim = Annotated[
    int | None,
    typer.Option(
        "--dim",
        min=8,
        max=4096,
        metavar="N",
        help="Length of a vector; the recipe's, or 192.",
        rich_help_panel=RECIPE,
    ),
]
