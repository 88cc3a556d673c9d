"""What `aecli generate` says: in the pictures themselves, to people, and to programs."""

from __future__ import annotations

import functools
import math
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
        samplers: the model, or several.
        seed: of all chance; None where there is none.
    """

    def __init__(
        self,
        request: GenerateRequest,
        grid: Grid,
        target: Target,
        samplers: Sequence[Sampler],
        seed: int | None,
    ) -> None:
        super().__init__(json=request.json, quiet=request.quiet)
        self._request = request
        self._grid = grid
        self._target = target
        self._samplers, self._sampler = samplers, samplers[0]
        self._seed = seed
        self._mean = ""
        for sampler in samplers:
            self.runs_on(sampler.name, sampler.choice.reason)
        for source, error in grid.failures:
            self.fail(source, error, source=source)

    @property
    def models(self) -> list[str]:
        """The models' names."""
        return [sampler.name for sampler in self._samplers]

    @functools.cached_property
    def text(self) -> Mapping[str, str]:
        """PNG texts: the model, and the command that makes the picture again."""
        sampler = self._sampler
        command = self._request.command(self.models, self._seed, sampler.choice)
        seed = {} if self._seed is None else {"Seed": str(self._seed)}
        return {
            "Software": f"aecli {__version__}",
            "Model": ", ".join(self.models),
            "Model sha256": ", ".join(each.sha256 for each in self._samplers),
            **seed,
            "Command": command,
        }

    def tile_text(self, number: int) -> Mapping[str, str]:
        """PNG texts of a tile in a file of its own."""
        facts = self._grid.facts(number)
        return {**self.text, **{key.capitalize(): str(value) for key, value in facts.items()}}

    def reconstructed(self, originals: Picture, series: Sequence[Picture]) -> None:
        """How near each model's reconstructions come to the originals: data, so on stdout."""
        scores = [[psnr(a, b) for a, b in zip(originals, each, strict=True)] for each in series]
        several, sources = len(series) > 1, self._grid.sources
        for model, column in zip(self.models, scores, strict=True):
            named = {"model": model} if several else {}
            for source, score in zip(sources, column, strict=True):
                self.record({"source": source, "status": "done", "psnr": score, **named})
        if not self._json and self._target.path is not None:
            headers = [f"PSNR dB {model}" if several else "PSNR dB" for model in self.models]
            rows = [
                (console.printable(source), *(f"{score:.2f}" for score in row))
                for source, *row in zip(sources, *scores, strict=True)
            ]
            console.table(("image", *headers), rows)
        differing = [[score for score in column if math.isfinite(score)] for column in scores]
        means = " / ".join(f"{np.mean(c):.2f}" if c else "inf" for c in differing)
        some = any(0 < len(c) < len(sources) for c in differing)
        partly = ", where they differ" if some else ""
        self._mean = f", mean PSNR {means} dB{partly}"

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
        if self._grid.total > self._grid.count:
            what += f" {self._grid.count} of {self._grid.total} pictures"
        how = "" if seed is None else f", seed {seed}"
        line = f"{what} of {', '.join(self.models)}{how}{self._mean}"
        self.say(f"{line} -> {self._target.name} ({seconds:.1f} s)")
        return self.code

    def _made(self, facts: Mapping[str, Any], target: str | None = None) -> None:
        sampler = self._sampler
        made_by = {"model": ", ".join(self.models), "sha256": self.text["Model sha256"]}
        made_by |= {"engine": sampler.choice.name}
        seed = {} if self._seed is None else {"seed": self._seed}
        where = target or self._target.name
        self.record({"target": where, "status": "done", **facts, **made_by, **seed})
