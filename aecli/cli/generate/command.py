"""`aecli generate`: pictures from a model's latent space."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from aecli.cli import options  # noqa: TC001 - Typer reads the annotations
from aecli.cli.help import Command

SAMPLES = "Samples"
OTHERS = "Other pictures of the latent space (one at a time)"


def register(app: typer.Typer) -> None:
    """Add `aecli generate` to the program."""
    app.command(cls=Command)(generate)


def _temperature(text: str) -> float:
    """Parse `--temperature`."""
    try:
        factor = float(text)
    except ValueError:
        factor = -1.0
    if not 0 <= factor < math.inf:
        raise typer.BadParameter(f"{text!r} is not a factor of zero or more")
    return factor


Out = Annotated[
    str,
    typer.Argument(
        metavar="OUT",
        help="A picture, a folder (exists, or ends in /) for one file a sample, or - for standard"
        " output; generated.png without it.",
        show_default=False,
    ),
]
Count = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--n",
        min=1,
        metavar="N",
        help="How many samples; 64 without it.",
        rich_help_panel=SAMPLES,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="The same seed draws the same samples; a random one without it.",
        rich_help_panel=SAMPLES,
    ),
]
Classes = Annotated[
    list[str] | None,
    typer.Option(
        "--class",
        metavar="NAME",
        help="Draw this class; repeatable. A model with classes draws a row of each without it.",
        rich_help_panel=SAMPLES,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        parser=_temperature,
        metavar="X",
        help="Scales the noise: below 1 is more typical and less varied.",
        rich_help_panel=SAMPLES,
    ),
]
Columns = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Pictures in a row; of --manifold also the rows, 20 without it.",
        rich_help_panel=SAMPLES,
    ),
]
Zoom = Annotated[
    int,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        help="Enlarge every pixel to N x N.",
        rich_help_panel=SAMPLES,
    ),
]
Manifold = Annotated[
    bool,
    typer.Option(
        "--manifold",
        help="Of a two-dimensional latent space: decode a grid of the prior's quantiles.",
        rich_help_panel=OTHERS,
    ),
]
Interpolate = Annotated[
    tuple[str, str] | None,
    typer.Option(
        metavar="A B",
        help="The way from one image to another: a strip, or an animation where OUT ends in .gif,"
        " .webp or .apng.",
        rich_help_panel=OTHERS,
    ),
]
InterpolateRandom = Annotated[
    bool,
    typer.Option(
        "--interpolate-random",
        help="The same between two samples.",
        rich_help_panel=OTHERS,
    ),
]
Reconstruct = Annotated[
    list[str] | None,
    typer.Option(
        metavar="IN",
        help="An image, or a folder of them, above what the model makes of it, with PSNR;"
        " repeatable.",
        rich_help_panel=OTHERS,
    ),
]
Traverse = Annotated[
    bool,
    typer.Option(
        "--traverse",
        help="One row a latent dimension, swept from -3 to 3 while the others rest at 0.",
        rich_help_panel=OTHERS,
    ),
]
FromLatents = Annotated[
    str | None,
    typer.Option(
        "--latents",
        metavar="FILE.npz",
        help="Decode these latents with the model that made them.",
        rich_help_panel=OTHERS,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        min=2,
        metavar="N",
        help="Pictures in an interpolation (10 without it) or a row of --traverse (11).",
        rich_help_panel=OTHERS,
    ),
]
SaveLatents = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.npz",
        help="Also write the latents of the pictures, for --latents.",
        rich_help_panel=OTHERS,
    ),
]


def generate(
    out: Out = "generated.png",
    n: Count = None,
    seed: Seed = None,
    classes: Classes = None,
    temperature: Temperature = None,
    columns: Columns = None,
    zoom: Zoom = 1,
    manifold: Manifold = False,
    interpolate: Interpolate = None,
    interpolate_random: InterpolateRandom = False,
    reconstruct: Reconstruct = None,
    traverse: Traverse = False,
    latents: FromLatents = None,
    steps: Steps = None,
    save_latents: SaveLatents = None,
    overwrite: options.Overwrite = False,
    model: options.Model = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Draw new pictures, and look into a model's latent space.

    A PNG grid says in its text which model, seed and command made it.
    """
    from aecli.cli.generate.request import Request
    from aecli.cli.generate.run import run

    return run(
        Request(
            out=out,
            n=n,
            seed=seed,
            classes=tuple(classes or ()),
            temperature=temperature,
            columns=columns,
            zoom=zoom,
            manifold=manifold,
            interpolate=interpolate,
            interpolate_random=interpolate_random,
            reconstruct=tuple(reconstruct or ()),
            traverse=traverse,
            latents=latents,
            steps=steps,
            save_latents=save_latents,
            overwrite=overwrite,
            model=model,
            device=device,
            precision=precision,
            json=json,
            quiet=quiet,
        )
    )
