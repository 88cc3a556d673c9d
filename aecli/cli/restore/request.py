"""What commands that make pictures of pictures have in common: their options, each once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from aecli.cli import options  # noqa: TC001 - Typer reads the annotations
from aecli.cli.signature import joined, options_of

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Request:
    """The shared options' values: each field is an option, its default what holds without it."""

    inputs: options.Inputs = None
    output: options.Output = None
    recursive: options.Recursive = False
    files_from: options.FilesFrom = None
    null: options.Null = False
    template: options.Template = None
    overwrite: options.Overwrite = False
    skip_existing: options.SkipExisting = False
    dry_run: options.DryRun = False
    max_pixels: options.MaxPixels = 500_000_000
    model: options.Model = None
    ensemble: options.Ensemble = False
    tile: options.Tile = "auto"
    device: options.Device = "auto"
    precision: options.Precision = "auto"
    workers: options.Workers = 2
    format: options.Format = None
    quality: options.Quality = None
    background: options.Background = "white"
    strip: options.Strip = False
    reference: options.Reference = None
    compare: options.Compare = False
    json: options.Json = False
    quiet: options.Quiet = False
    verbose: options.Verbose = False


def command(task: Callable[..., int]) -> Callable[..., int]:
    """A command of the shared options and a task's own.

    The task takes the `Request` of the shared ones, and its own by name.
    """
    names = {field.name for field in fields(Request)}

    def run(**given: Any) -> int:
        shared = {name: value for name, value in given.items() if name in names}
        own = {name: value for name, value in given.items() if name not in names}
        return task(Request(**shared), **own)

    return joined(run, task, options_of(Request), before="model")
