"""What `aecli generate` says: in the pictures themselves, to people, and to programs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli import __version__
from aecli.cli import console
from aecli.cli.generate.request import Mode
from aecli.cli.report import Report
from aecli.images.metrics import psnr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aecli.cli.generate.request import GenerateRequest
    from aecli.cli.generate.target import Target
    from aecli.figures.sheet import Picture
    from aecli.inference.grid import Grid
    from aecli.inference.sample import Sampler


class GenerateReport(Report):
    """Tells of what is made, and by what.

    Args:
        request: what was asked for.
        grid: the picture.
        target: where it goes.
        sampler: the model.
        seed: of all chance; None where there is none.
    """

    def __init__(
        self,
        request: GenerateRequest,
        grid: Grid,
        target: Target,
        sampler: Sampler,
        seed: int | None,
    ) -> None:
        super().__init__(json=request.json, quiet=request.quiet)
        self._request = request
        self._grid = grid
        self._target = target
        self._sampler = sampler
        self._seed = seed
        self._mean = ""
        self.runs_on(sampler.name, sampler.choice.reason)
        for source, error in grid.failures:
            self.fail(source, error, source=source)

    @functools.cached_property
    def text(self) -> Mapping[str, str]:
        """PNG texts: the model, and the command that makes the picture again."""
        sampler = self._sampler
        command = self._request.command(sampler.name, self._seed, sampler.choice)
        seed = {} if self._seed is None else {"Seed": str(self._seed)}
        return {
            "Software": f"aecli {__version__}",
            "Model": sampler.name,
            "Model sha256": sampler.sha256,
            **seed,
            "Command": command,
        }

    def tile_text(self, number: int) -> Mapping[str, str]:
        """PNG texts of a tile in a file of its own."""
        facts = self._grid.facts(number)
        return {**self.text, **{key.capitalize(): str(value) for key, value in facts.items()}}

    def reconstructed(self, originals: Picture, tiles: Picture) -> None:
        """How near each reconstruction comes to its original: data, so on stdout."""
        scores = [psnr(a, b) for a, b in zip(originals, tiles, strict=True)]
        named = list(zip(self._grid.sources, scores, strict=True))
        for source, score in named:
            self.record({"source": source, "status": "done", "psnr": score})
        if not self._json and self._target.path is not None:
            rows = [(console.printable(source), f"{score:.2f}") for source, score in named]
            console.table(("image", "PSNR dB"), rows)
        self._mean = f", mean PSNR {np.mean(scores):.2f} dB"

    def wrote(self, picture: Picture, warnings: Sequence[str]) -> None:
        """The one picture is written."""
        for warning in warnings:
            console.warning(f"{self._target.name}: {warning}")
        height, width = picture.shape[:2]
        self._made({"pictures": self._grid.count, "width": width, "height": height})

    def wrote_tile(self, path: Path, number: int) -> None:
        """The file of one tile is written."""
        self._made(self._grid.facts(number), str(path))

    def finish(self, seconds: float) -> int:
        """All is written; returns the program's exit code."""
        mode, seed = self._request.mode, self._seed
        what = f"{self._grid.count} samples" if mode is Mode.SAMPLES else mode.value[2:]
        how = "" if seed is None else f", seed {seed}"
        line = f"{what} of {self._sampler.name}{how}{self._mean}"
        self.say(f"{line} -> {self._target.name} ({seconds:.1f} s)")
        return self.code

    def _made(self, facts: Mapping[str, Any], target: str | None = None) -> None:
        sampler = self._sampler
        made_by = {"model": sampler.name, "sha256": sampler.sha256, "engine": sampler.choice.name}
        seed = {} if self._seed is None else {"seed": self._seed}
        where = target or self._target.name
        self.record({"target": where, "status": "done", **facts, **made_by, **seed})
