"""`aecli denoise`: remove noise from photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli import options  # noqa: TC001 - Typer reads the annotations
from aecli.cli.help import Command

if TYPE_CHECKING:
    import typer

    from aecli.imaging.image import Image
    from aecli.inference.tiling import Progress


def register(app: typer.Typer) -> None:
    """Add `aecli denoise` to the program."""
    app.command(cls=Command)(denoise)


def denoise(
    inputs: options.Inputs = None,
    output: options.Output = None,
    recursive: options.Recursive = False,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    template: options.Template = None,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    dry_run: options.DryRun = False,
    max_pixels: options.MaxPixels = 500_000_000,
    sigma: options.Sigma = "auto",
    strength: options.Strength = 1.0,
    model: options.Model = None,
    tile: options.Tile = "auto",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    workers: options.Workers = 2,
    format: options.Format = None,  # noqa: A002  # the option's name
    quality: options.Quality = 95,
    background: options.Background = "white",
    strip: options.Strip = False,
    reference: options.Reference = None,
    compare: options.Compare = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Remove noise from photos.

    Results land beside their inputs as {stem}_denoised.{ext}, or with -o in a folder under their
    own names. Colour and grey, 8 and 16 bits; transparency, EXIF and colour profile are kept.
    """
    from aecli.checkpoints import store
    from aecli.cli.restoring import Method, Purpose, Request, run

    def load() -> Method:
        from aecli.inference.restore import Restorer

        restorer = Restorer.open("denoise", model, device=device, precision=precision)

        def restore(image: Image, progress: Progress) -> tuple[Image, dict[str, float | str]]:
            restored = restorer.denoise(
                image, sigma=sigma, strength=strength, tile=tile, progress=progress
            )
            return restored.image, {"sigma": restored.sigma}

        return Method(restorer.runtime.reason, restore)

    request = Request(
        inputs=inputs or [],
        output=output,
        recursive=recursive,
        files_from=files_from,
        null=null,
        template=template,
        overwrite=overwrite,
        skip_existing=skip_existing,
        dry_run=dry_run,
        max_pixels=max_pixels,
        format=format,
        quality=quality,
        background=background,
        strip=strip,
        workers=workers,
        reference=reference,
        compare=compare,
        json=json,
        quiet=quiet,
        verbose=verbose,
    )
    purpose = Purpose("denoised", store.find("denoise", model).name)
    return run(request, purpose, load)
