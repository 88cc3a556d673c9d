"""What can be asked of every command that makes pictures from pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from aecli.cli import options
from aecli.files.shards import Shard


@dataclass(frozen=True)
class RestoreRequest:
    """The options that `aecli denoise` and `aecli upscale` share."""

    OWN_BEFORE: ClassVar[str] = "models"

    inputs: options.Inputs = field(default_factory=list)
    output: options.Output = None
    recursive: options.Recursive = False
    files_from: options.FilesFrom = None
    null: options.Null = False
    template: options.Template = None
    overwrite: options.Overwrite = False
    skip_existing: options.SkipExisting = False
    shard: options.Shard = None
    watch: options.Watch = False
    dry_run: options.DryRun = False
    max_pixels: options.MaxPixels = 500_000_000
    models: options.Models = field(default_factory=list)
    ensemble: options.Ensemble = False
    tile: options.Tile = "auto"
    engine: options.Engine = "auto"
    device: options.Device = "auto"
    precision: options.Precision = "auto"
    workers: options.Workers = options.WORKERS
    format: options.Format = None
    quality: options.Quality = None
    background: options.Background = "white"
    strip: options.Strip = False
    keep_time: options.KeepTime = False
    reference: options.Reference = None
    compare: options.Compare = False
    json: options.Json = False
    quiet: options.Quiet = False
    verbose: options.Verbose = False

    @property
    def model(self) -> str | None:
        """The model that makes the results; None for the default."""
        return next(iter(self.models), None)

    @property
    def part(self) -> Shard:
        """The part of the work that is this process's: as asked, or by its rank under torchrun."""
        return self.shard or Shard.of_rank()
