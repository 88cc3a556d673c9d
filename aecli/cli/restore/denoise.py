"""`aecli denoise`: remove noise from photos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aecli.cli import options
from aecli.cli.help import Command
from aecli.cli.request import command
from aecli.cli.restore.request import RestoreRequest

if TYPE_CHECKING:
    from aecli.inference.engine import Areas


def register(app: typer.Typer) -> None:
    """Add `aecli denoise` to the program."""
    app.command(cls=Command)(command(denoise))


def _sigma(text: str) -> float | Literal["auto"]:
    """Parse `--sigma`."""
    level = options.number(text)
    if text == "auto":
        return "auto"
    if not 0 <= level <= 255:
        raise typer.BadParameter(f"{text!r} is neither auto nor a noise level from 0 to 255")
    return level


@dataclass(frozen=True)
class DenoiseRequest(RestoreRequest):
    """The options of `aecli denoise`."""

    sigma: Annotated[
        Any,  # what _sigma gives: Typer takes no unions
        options.MODEL.option(
            parser=_sigma,
            metavar="auto|N",
            help="Noise level of the input on the 0-255 scale; auto estimates it for every image.",
        ),
    ] = "auto"
    strength: Annotated[
        float,
        options.MODEL.option(
            parser=options.factor,
            metavar="X",
            help="Scales the noise level: below 1 keeps more texture and noise, above 1 smooths"
            " more.",
        ),
    ] = 1.0


def denoise(request: DenoiseRequest) -> int:
    """Remove noise from photos.

    -m photo, the default, is for photos as cameras leave them; -m gaussian for white noise, the
    same everywhere. Where no model is named, pictures whose noise turns out to be white go to
    gaussian.

    Results land beside their inputs as {stem}_denoised.{ext}, or with -o in a folder under their
    own names. Colour and grey, 8 and 16 bits; transparency, EXIF and colour profile are kept. HEIC
    and RAW files need an extra: pip install 'aecli[heif,raw]'.

    Examples:
        aecli denoise photo.jpg
        aecli denoise photo.jpg -m photo -m gaussian --compare
        aecli denoise IMG_1.HEIC DSC_1.NEF -r album/ -o clean/ --skip-existing
        aecli denoise scan.tif -f jxl
        aecli denoise --watch camera/ -o clean/
        AECLI_DENOISE_QUALITY=92 aecli denoise photo.jpg
    """
    from aecli.checkpoints import store
    from aecli.cli.restore.run import run
    from aecli.cli.restore.spec import LoadedModel, RestoreSpec

    def load(model: str | None, areas: Areas) -> LoadedModel:
        from aecli.inference.restore import Restorer

        restorer = Restorer.open(
            model,
            engine=request.engine,
            device=request.device,
            precision=request.precision,
            areas=areas,
        )

        restore = partial(
            restorer.denoise,
            sigma=request.sigma,
            strength=request.strength,
            ensemble=request.ensemble,
            tile=request.tile,
        )
        return LoadedModel(called(model), restorer.runs_on, restorer.engine.name, restore)

    def called(model: str | None) -> str:
        return store.find("denoise", model).name

    spec = RestoreSpec("denoise", "denoised", called(request.model))
    return run(request, spec, load)
