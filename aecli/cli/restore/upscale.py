"""`aecli upscale`: enlarge pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli.cli import options
from aecli.cli.help import Command
from aecli.cli.request import command
from aecli.cli.restore.request import RestoreRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.images.image import Image
    from aecli.inference.engine import Areas
    from aecli.inference.tiling import Progress
    from aecli.inference.upscale import Enlarged

SIZE = options.Panel("Size")

INCONSISTENT = 1.0
"""Mean difference, of 255 levels, from which a result is said not to shrink to its input."""


def _size(text: str) -> tuple[int, int]:
    """Parse `--size`."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"{text!r} is not a width and a height, such as 1920x1080")
    return int(width), int(height)


def register(app: typer.Typer) -> None:
    """Add `aecli upscale` to the program."""
    app.command(cls=Command)(command(upscale))


@dataclass(frozen=True)
class UpscaleRequest(RestoreRequest):
    """The options of `aecli upscale`."""

    scale: Annotated[
        float | None,
        SIZE.option(
            "-s",
            "--scale",
            metavar="X",
            help="How many times as wide and high, 1 to 8; unless told, 2.",
        ),
    ] = None
    size: Annotated[
        Any,  # what _size gives: Typer takes no unions
        SIZE.option(parser=_size, metavar="WxH", help="Exactly so many pixels."),
    ] = None
    width: Annotated[
        int | None, SIZE.option(metavar="N", help="So many pixels wide, in proportion.")
    ] = None
    height: Annotated[
        int | None, SIZE.option(metavar="N", help="So many pixels high, in proportion.")
    ] = None
    consistent: Annotated[
        bool | None,
        options.MODEL.option(
            "--consistent/--no-consistent",
            help="Make the result one that, shrunk again, is the input. By default so with models"
            " for sharp pictures, such as clean.",
            show_default=False,
        ),
    ] = None
    yes: Annotated[
        bool, options.FILES.option("--yes", help="Make results of more than 1 GiB, too.")
    ] = False


@dataclass(frozen=True)
class _Result:
    image: Image
    facts: Mapping[str, float | str]


def upscale(request: UpscaleRequest) -> int:
    """Enlarge pictures.

    -m photo, the default, is for photos with noise and JPEG artefacts, which it removes. -m clean
    is for sharp, clean sources; its results, shrunk again, are the inputs.

    Results land beside their inputs as {stem}_x2.{ext}, or with -o in a folder under their own
    names; --template knows {scale}, too. Colour and grey, 8 and 16 bits; transparency, EXIF and
    colour profile are kept.

    Examples:
        aecli upscale photo.jpg
        aecli upscale in/*.png -o out/ --scale 2.5
        aecli upscale icon.png -m clean --width 512
        aecli upscale photo.jpg -m photo -m clean --compare
        aecli upscale IMG_1.HEIC DSC_1.NEF -f jpg -o large/
        aecli upscale --watch small/ -o large/
        AECLI_UPSCALE_SCALE=3 aecli upscale photo.jpg
    """
    from aecli.cli.restore.run import run
    from aecli.cli.restore.spec import LoadedModel, RestoreSpec
    from aecli.images.sizing import TAGS, Sizing

    wishes = request.scale, request.size, request.width, request.height
    sizing = Sizing(2.0) if wishes == (None,) * 4 else Sizing(*wishes)

    def load(model: str | None, areas: Areas) -> LoadedModel:
        from aecli.inference.upscale import Upscaler, bicubic

        upscaler = Upscaler.open(
            model,
            engine=request.engine,
            device=request.device,
            precision=request.precision,
            areas=areas,
        )

        def restore(image: Image, progress: Progress) -> _Result:
            enlarged = upscaler.upscale(
                image,
                *sizing.of(image.width, image.height),
                consistent=request.consistent,
                ensemble=request.ensemble,
                tile=request.tile,
                progress=progress,
            )
            factor = enlarged.image.width / image.width, enlarged.image.height / image.height
            facts: dict[str, float | str] = {"scale": sizing.scale or sum(factor) / 2}
            if enlarged.networks:
                facts["networks"] = "x".join(map(str, enlarged.networks))
            return _Result(_told(enlarged), facts)

        def baseline(image: Image) -> Image:
            return bicubic(image, *sizing.of(image.width, image.height))

        choice = upscaler.choice
        return LoadedModel(_called(model), choice.reason, choice.name, restore, baseline)

    spec = RestoreSpec(
        command=f"upscale_{sizing.tag}",
        tag=sizing.tag,
        model=_called(request.model),
        before="before: bicubic",
        tags=TAGS,
        words={"scale": sizing.label},
        size=sizing.of,
        huge=request.yes,
    )
    return run(request, spec, load)


def _told(enlarged: Enlarged) -> Image:
    """The picture, with a warning where it does not shrink to its input although it should."""
    image, error = enlarged.image, enlarged.error
    if error is None or error < INCONSISTENT:
        return image
    line = (
        f"shrunk again it is {error:.1f} levels off its input on average: nothing between black"
        " and white shrinks to such contrasts"
    )
    return replace(image, metadata=replace(image.metadata, lost=(*image.metadata.lost, line)))


def _called(model: str | None) -> str:
    """The name of a model: a family's, unless a member or a file is asked for."""
    from aecli.checkpoints import store

    found = store.find("upscale", model)
    alone = found.origin is store.Origin.PATH or model == found.name
    return found.name if alone else store.family(found.name)
