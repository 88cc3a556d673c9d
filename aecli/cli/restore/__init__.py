"""`aecli denoise` and `aecli upscale`: pictures from pictures; plan, run, score, report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli.restore import denoise, upscale

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add both commands to the program."""
    denoise.register(app)
    upscale.register(app)
