"""`aecli train`: fit a model to the user's own images."""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from aecli.cli import console, options
from aecli.cli.help import Command, Group
from aecli.training.config import LOSSES, OptimConfig, RunConfig
from aecli.training.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATA = "Images"
RECIPE = "Recipe"
RUN = "Run"


def _duration(text: str) -> float:
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
        parser=_duration,
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


def register(app: typer.Typer) -> None:
    """Add `aecli train` to the program."""
    train = typer.Typer(help="Train a model on your own images.", cls=Group)
    for task in (denoise, upscale, generate):
        train.command(task.__name__, cls=Command)(_with_run_options(task))
    app.add_typer(train, name="train")


def denoise(run: Request) -> Request:
    """Train a denoiser: it learns from clean images alone, to which it adds the noise itself.

    The model is usable at once as `aecli denoise -m NAME`. Ctrl-C saves; --resume goes on.
    """
    return run


def upscale(run: Request, scale: Scale = None) -> Request:
    """Train a super-resolution model: it learns from large images, which it shrinks itself.

    NAME is a family with one member a scale: the model is usable at once as
    `aecli upscale -m NAME --scale 2`. Ctrl-C saves; --resume goes on.
    """
    from dataclasses import replace

    from aecli.checkpoints import store
    from aecli.training import config

    if scale is None:
        scale = int(config.load("upscale", run.recipe).model.get("scale", 2))
    return replace(
        run,
        name=store.family_member(run.name, scale),
        settings=[*run.settings, f"model.scale={scale}"],
    )


def generate(
    run: Request,
    size: Size = None,
    grey: Grey = False,
    classes: Classes = False,
    latent: Latent = None,
    arch: Arch = None,
) -> Request:
    """Train a generative model: an autoencoder, and by default a prior over its latents.

    DATA may also be a .zip of images, or MNIST's IDX files; images become squares. The model is
    usable at once as `aecli generate -m NAME`. Ctrl-C saves; --resume goes on.
    """
    from aecli.training.fitting import fitted

    return fitted(run, size=size, grey=grey, classes=classes, latent=latent, architecture=arch)


def _with_run_options(task: Callable[..., Request]) -> Callable[..., None]:
    """A subcommand: the options of every run, and those of a task's own function.

    The function takes the request that the shared options make, its own options by name, and
    returns the request to run.
    """

    def command(  # its parameters are the options
        data: Data,
        name: Name,
        val: Val = None,
        recipe: RecipeOption = None,
        settings: Settings = None,
        loss: Loss = None,
        start: From = None,
        seed: Seed = None,
        steps: Steps = None,
        time: Time = None,
        resume: Resume = False,
        run_folder: RunFolder = None,
        overwrite: Overwrite = False,
        device: options.Device = "auto",
        precision: options.Precision = "auto",
        quiet: options.Quiet = False,
        json: options.Json = False,
        **own: Any,
    ) -> None:
        from pathlib import Path

        request = Request(
            task=task.__name__,
            data=data,
            name=name,
            val=val or None,
            recipe=recipe,
            settings=settings or (),
            steps=steps,
            seconds=time,
            seed=seed,
            loss=loss,
            start=start,
            folder=Path(run_folder) if run_folder else None,
            resume=resume,
            overwrite=overwrite,
            device=device,
            precision=precision,
        )
        _train(task(request, **own), quiet=quiet, json=json)

    return _joined(command, task)


def _joined(command: Callable[..., None], task: Callable[..., Request]) -> Callable[..., None]:
    """`command` with the signature that Typer reads: its own options and the task's."""
    shared = _options(command)
    own = _options(task)[1:]  # the first one is the request
    place = next(i for i, p in enumerate(shared) if p.name == "recipe")
    joined = functools.wraps(task)(functools.partial(command))
    parameters = [*shared[:place], *own, *shared[place:]]
    joined.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    joined.__annotations__ = {p.name: p.annotation for p in parameters}
    return joined


def _options(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [
        p.replace(annotation=hints[p.name])
        for p in inspect.signature(function).parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]


def _train(request: Request, *, quiet: bool, json: bool) -> None:
    """Run the engine under a display, and report how it ended."""
    from aecli.cli import watching
    from aecli.cli.app import INTERRUPTED
    from aecli.training.distributed import speaks
    from aecli.training.run import run

    if quiet or not speaks():
        display = watching.Silent()
    elif console.stderr().is_terminal:
        display = watching.LiveView()
    else:
        display = watching.Lines()
    with display:
        trained = run(request, display)
    if not speaks():
        return
    if json:
        console.record(
            {
                "task": request.task,
                "name": request.name,
                "status": "done" if trained.finished else "interrupted",
                "model": str(trained.model) if trained.model else None,
                "run": str(trained.folder),
                "steps": trained.step,
                "metrics": dict(trained.metrics),
            }
        )
    if not trained.finished:
        console.say(f"stopped and saved at step {trained.step}; go on with --resume")
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        console.say(f"trained {trained.model} (aecli {request.task} -m {request.name})")
