"""`aecli train`: fit a model to the user's own images."""

from __future__ import annotations

from typing import Any

import typer

from aecli.cli import console
from aecli.cli.help import Command, Group
from aecli.cli.request import command
from aecli.cli.train.request import (  # noqa: TC001 - their fields are options
    TrainEmbedRequest,
    TrainGenerateRequest,
    TrainRequest,
    TrainUpscaleRequest,
)


def register(app: typer.Typer) -> None:
    """Add `aecli train` to the program."""
    train = typer.Typer(help="Train a model on your own images.", cls=TrainGroup)
    for task in (denoise, upscale, generate, embed):
        train.command(task.__name__, cls=Command)(command(task))
    app.add_typer(train, name="train")


class TrainGroup(Group):
    """`aecli train`, whose help lists architectures and recipes."""

    def format_epilog(self, _ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]  # Typer's own types for these are private
        """Write them."""
        from aecli.training.architectures import ARCHITECTURES
        from aecli.training.recipes import abouts

        for task, named in ARCHITECTURES.items():
            with formatter.section(f"Architectures of {task} (--arch; the first is the default)"):
                formatter.write_dl([(name, known.about) for name, known in named.items()])
        with formatter.section("Recipes (--recipe)"):
            formatter.write_dl(abouts())


def denoise(asked: TrainRequest) -> None:
    """Train a denoiser: it learns from clean images alone, to which it adds the noise itself.

    The model is usable at once as `aecli denoise -m NAME`. Ctrl-C saves; --resume goes on.

    Examples:
        aecli train denoise ~/Pictures --name mine --time 30m
        aecli train denoise ~/Pictures --name mine --resume --time 1h
        aecli train denoise ~/Pictures --name night --from photo --steps 20000
        AECLI_TRAIN_DENOISE_LOG=tensorboard aecli train denoise ~/Pictures --name seen --time 8h
    """
    _train(asked, "denoise")


def upscale(asked: TrainUpscaleRequest) -> None:
    """Train a super-resolution model: it learns from large images, which it shrinks itself.

    NAME is a family with one member a scale: the model is usable at once as
    `aecli upscale -m NAME --scale 2`. Ctrl-C saves; --resume goes on.

    Examples:
        aecli train upscale ~/Pictures --name mine --scale 2 --time 1h
        aecli train upscale ~/Pictures --name mine --scale 3 --recipe clean-x3
        aecli train upscale ~/Pictures --name mine --scale 2 --time 8h --log tensorboard
        AECLI_TRAIN_UPSCALE_SCALE=2 aecli train upscale ~/Pictures --name mine --time 1h
    """
    _train(asked, "upscale")


def generate(asked: TrainGenerateRequest) -> None:
    """Train a generative model: an autoencoder, and by default a prior over its latents.

    Images become squares; small ones that are all of one size keep it, grey ones stay grey. The
    model is usable at once as `aecli generate -m NAME`. Ctrl-C saves; --resume goes on.

    Examples:
        aecli train generate ~/Pictures --name faces --size 64 --time 2h
        aecli train generate mnist --name vl --arch vae --latent 2 --time 80s
        aecli train generate tunes/ --name tunes
        AECLI_TRAIN_GENERATE_SIZE=64 aecli train generate ~/Pictures --name faces --time 2h
    """
    _train(asked, "generate")


def embed(asked: TrainEmbedRequest) -> None:
    """Train an autoencoder to search by: edited copies of a picture get nearly the same vector.

    No labels are read. The model is usable at once as `aecli embed -m NAME`. Ctrl-C saves; --resume
    goes on.

    Examples:
        aecli train embed ~/Pictures --name mine --dim 128 --time 1h
        aecli train embed ~/Pictures --name mine --resume --time 1h
        AECLI_TRAIN_EMBED_SIZE=64 aecli train embed ~/Pictures --name mine --time 1h
    """
    _train(asked, "embed")


def _train(asked: TrainRequest, task: str) -> None:
    """Run the engine under a display, and report how it ended."""
    from aecli.cli.app import INTERRUPTED
    from aecli.cli.report import Report
    from aecli.cli.train import display as displays
    from aecli.datasets.collecting import gather
    from aecli.training.distributed import speaks
    from aecli.training.trainer import run

    request = asked.run(task)
    if asked.quiet or not speaks():
        display = displays.Silent()
    elif console.stderr().is_terminal:
        display = displays.LiveView()
    else:
        display = displays.Lines()
    if speaks():
        found = gather([*request.data, *(request.val or ())])
        Report(json=False, quiet=asked.quiet, verbose=None).leave_out(found.left_out)
    with display:
        trained = run(request, display)
    if not speaks():
        return
    if asked.json:
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
                "warning": trained.warning,
            }
        )
    if not trained.finished:
        console.say(f"stopped and saved at step {trained.step}; go on with --resume")
        raise typer.Exit(INTERRUPTED)
    if trained.warning is not None:
        console.warning(trained.warning)
    if not asked.quiet:
        console.say(f"trained {trained.model} (aecli {request.task} -m {request.name})")
