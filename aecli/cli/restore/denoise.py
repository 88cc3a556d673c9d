"""`aecli denoise`: remove noise from photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli import options  # noqa: TC001 - Typer reads the annotations
from aecli.cli.help import Command
from aecli.cli.restore.request import Request, command

if TYPE_CHECKING:
    import typer

    from aecli.images.image import Image
    from aecli.inference.tiling import Progress


def register(app: typer.Typer) -> None:
    """Add `aecli denoise` to the program."""
    app.command(cls=Command)(command(denoise))


def denoise(
    request: Request, sigma: options.Sigma = "auto", strength: options.Strength = 1.0
) -> int:
    """Remove noise from photos.

    Results land beside their inputs as {stem}_denoised.{ext}, or with -o in a folder under their
    own names. Colour and grey, 8 and 16 bits; transparency, EXIF and colour profile are kept.
    """
    from aecli.checkpoints import store
    from aecli.cli.restore.purpose import Method, Purpose
    from aecli.cli.restore.run import run

    def load() -> Method:
        from aecli.inference.restore import Restorer

        restorer = Restorer.open(
            "denoise",
            request.model,
            engine=request.engine,
            device=request.device,
            precision=request.precision,
        )

        def restore(image: Image, progress: Progress) -> tuple[Image, dict[str, float | str]]:
            restored = restorer.denoise(
                image,
                sigma=sigma,
                strength=strength,
                ensemble=request.ensemble,
                tile=request.tile,
                progress=progress,
            )
            return restored.image, {"sigma": restored.sigma}

        return Method(restorer.runs_on, restorer.engine.name, restore)

    purpose = Purpose("denoised", store.find("denoise", request.model).name)
    return run(request, purpose, load)
