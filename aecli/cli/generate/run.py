"""From a request to pictures: choose the model, make the tiles, write them, tell of them."""

from __future__ import annotations

import secrets
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.checkpoints import store
from aecli.checkpoints.novelty import UNUSUAL
from aecli.cli import console, novelty
from aecli.cli.generate import target as targets
from aecli.cli.generate.compose import compose
from aecli.cli.generate.report import GenerateReport
from aecli.cli.generate.target import Form
from aecli.figures import sheet
from aecli.inference import latents as points
from aecli.inference.abilities import Abilities, maker
from aecli.inference.sample import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aecli.cli.generate.request import GenerateRequest
    from aecli.cli.generate.target import Target
    from aecli.figures.sheet import Picture
    from aecli.inference.grid import Grid
    from aecli.inference.sample import Batch


def run(request: GenerateRequest) -> int:
    """Do what `aecli generate` was asked for; returns the program's exit code."""
    started = time.monotonic()
    given = None
    if request.latents is not None:
        given = points.load(Path(request.latents))
        founds = [maker(given, request.latents, request.model)]
    else:
        named: Sequence[str | None] = request.models or (None,)
        founds = [store.find("generate", name) for name in named]
    seed = request.seed
    if seed is None and request.seeded:
        seed = secrets.randbits(32)
    abilities = Abilities.of(founds[0])
    for found in founds[1:]:
        abilities.refuse_unlike(Abilities.of(found))
    grid = compose(request, abilities, seed, given)
    target = targets.plan(request, grid, abilities)

    samplers = [
        Sampler.open(
            found,
            methods=("draw" if request.draws else "encode", "decode"),
            engine=request.engine,
            device=request.device,
            precision=request.precision,
        )
        for found in founds
    ]
    sampler, *others = samplers
    report = GenerateReport(request, grid, target, samplers, seed)
    for model in samplers:
        _warn_of_unusual(grid, model)
    kept: list[Batch] = []
    with console.Bars(grid.count, shown=not request.quiet) as bars:

        def batches() -> Iterator[Batch]:
            for batch in grid.make(sampler):
                if request.save_latents is not None:
                    kept.append(batch)
                yield batch
                for _ in batch.pictures:
                    bars.advance()

        beside = [_tiles(grid.make(other)) for other in others]
        _write(request, grid, target, batches(), beside, report)
    if request.save_latents is not None:
        keep = partial(points.save, _latents(kept, sampler))
        console.deliver(keep, Path(request.save_latents), overwrite=request.overwrite)
    return report.finish(time.monotonic() - started)


def _warn_of_unusual(grid: Grid, sampler: Sampler) -> None:
    """Tell of pictures unlike those that the model was trained on."""
    if not (grid.encoded and sampler.knows_its_kind):
        return
    pictures = np.stack(list(grid.encoded.values()))
    unusual = sampler.novelty(pictures, sampler.encode(pictures, None), None) > UNUSUAL
    names = [name for name, so in zip(grid.encoded, unusual, strict=True) if so]
    novelty.warn(names, sampler.name, UNUSUAL)


def _write(
    request: GenerateRequest,
    grid: Grid,
    target: Target,
    batches: Iterable[Batch],
    beside: Sequence[Picture],
    report: GenerateReport,
) -> None:
    """Make the tiles, and write them, those of other models beside, as the target wants them."""
    overwrite = request.overwrite
    if target.form is Form.FOLDER:
        files_made = targets.save_tiles(
            target,
            (sheet.enlarge(batch.pictures, request.zoom) for batch in batches),
            grid.count,
            overwrite=overwrite,
            text=report.tile_text,
        )
        for path, number in files_made:
            report.wrote_tile(path, number)
        return
    tiles = _tiles(batches)
    if grid.originals is not None:
        report.reconstructed(grid.originals, [tiles, *beside])
    if target.form is Form.ANIMATION:
        frames = sheet.enlarge(tiles, request.zoom)
        targets.save_frames(target, frames, overwrite=overwrite, text=report.text)
        report.wrote(frames[0], ())
        return
    if target.form is Form.TUNE:
        targets.save_tune(target, tiles, overwrite=overwrite, text=report.text)
        report.wrote(tiles[0], ())
        return
    picture = sheet.enlarge(grid.lay_out(tiles, *beside)[None], request.zoom)[0]
    if rows := grid.rows(report.models):
        picture = sheet.named(picture, rows)
    warnings = targets.save_sheet(target, picture, overwrite=overwrite, text=report.text)
    report.wrote(picture, warnings)


def _tiles(batches: Iterable[Batch]) -> Picture:
    return np.concatenate([batch.pictures for batch in batches])


def _latents(batches: Sequence[Batch], sampler: Sampler) -> points.Latents:
    """The latents of a grid as a value that knows its model."""
    labels = [b.labels for b in batches if b.labels is not None]
    classes = tuple(sampler.classes[k] for k in np.concatenate(labels)) if labels else None
    values = np.concatenate([b.latents for b in batches])
    return points.Latents(values, sampler.name, sampler.sha256, classes)
