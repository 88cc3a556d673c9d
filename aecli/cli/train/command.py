"""`aecli train`: fit a model to the user's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from aecli.cli import console, options
from aecli.cli.help import Command, Group
from aecli.cli.signature import joined, options_of
from aecli.cli.train import options as of  # noqa: TC001 - Typer reads the annotations
from aecli.training.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable


def register(app: typer.Typer) -> None:
    """Add `aecli train` to the program."""
    train = typer.Typer(help="Train a model on your own images.", cls=Group)
    for task in (denoise, upscale, generate, embed):
        train.command(task.__name__, cls=Command)(_with_run_options(task))
    app.add_typer(train, name="train")


def denoise(run: Request) -> Request:
    """Train a denoiser: it learns from clean images alone, to which it adds the noise itself.

    The model is usable at once as `aecli denoise -m NAME`. Ctrl-C saves; --resume goes on.
    """
    return run


def upscale(run: Request, scale: of.Scale = None) -> Request:
    """Train a super-resolution model: it learns from large images, which it shrinks itself.

    NAME is a family with one member a scale: the model is usable at once as
    `aecli upscale -m NAME --scale 2`. Ctrl-C saves; --resume goes on.
    """
    from dataclasses import replace

    from aecli.checkpoints import store
    from aecli.training import recipes

    if scale is None:
        scale = int(recipes.load("upscale", run.recipe).model.get("scale", 2))
    return replace(
        run,
        name=store.family_member(run.name, scale),
        settings=[*run.settings, f"model.scale={scale}"],
    )


def generate(
    run: Request,
    size: of.Size = None,
    grey: of.Grey = False,
    classes: of.Classes = False,
    latent: of.Latent = None,
    arch: of.Arch = None,
) -> Request:
    """Train a generative model: an autoencoder, and by default a prior over its latents.

    DATA may also be a .zip of images, or MNIST's IDX files; images become squares. The model is
    usable at once as `aecli generate -m NAME`. Ctrl-C saves; --resume goes on.
    """
    from aecli.training.fitting import fitted

    return fitted(run, size=size, grey=grey, classes=classes, latent=latent, architecture=arch)


def embed(run: Request, size: of.Size = None, grey: of.Grey = False, dim: of.Dim = None) -> Request:
    """Train an autoencoder to search by: edited copies of a picture get nearly the same vector.

    DATA may also be a .zip of images, or MNIST's IDX files; no labels are read. The model is usable
    at once as `aecli embed -m NAME`. Ctrl-C saves; --resume goes on.
    """
    from aecli.training.fitting import fitted_for_search

    return fitted_for_search(run, size=size, grey=grey, dim=dim)


def _with_run_options(task: Callable[..., Request]) -> Callable[..., None]:
    """A subcommand: the options of every run, and those of a task's own function.

    The function takes the request that the shared options make, its own options by name, and
    returns the request to run.
    """

    def command(  # its parameters are the options
        data: of.Data,
        name: of.Name,
        val: of.Val = None,
        recipe: of.RecipeOption = None,
        settings: of.Settings = None,
        loss: of.Loss = None,
        start: of.From = None,
        seed: of.Seed = None,
        steps: of.Steps = None,
        time: of.Time = None,
        resume: of.Resume = False,
        run_folder: of.RunFolder = None,
        overwrite: of.Overwrite = False,
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

    return joined(command, task, options_of(command), before="recipe")


def _train(request: Request, *, quiet: bool, json: bool) -> None:
    """Run the engine under a display, and report how it ended."""
    from aecli.cli.app import INTERRUPTED
    from aecli.cli.train import display as displays
    from aecli.training.distributed import speaks
    from aecli.training.run import run

    if quiet or not speaks():
        display = displays.Silent()
    elif console.stderr().is_terminal:
        display = displays.LiveView()
    else:
        display = displays.Lines()
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
                "pixels_per_second": round(trained.progress.pixels_per_second),
                "waited": round(trained.progress.waited, 4),
                "metrics": dict(trained.metrics),
            }
        )
    if not trained.finished:
        console.say(f"stopped and saved at step {trained.step}; go on with --resume")
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        console.say(f"trained {trained.model} (aecli {request.task} -m {request.name})")
