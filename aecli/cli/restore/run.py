"""From a request to files: read, restore and write many images, and tell of each."""

from __future__ import annotations

import functools
import math
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aecli.cli import console, hush, stopping
from aecli.cli.restore import comparing
from aecli.cli.restore.plan import Task, plan
from aecli.cli.restore.report import Made, Record, RestoreReport
from aecli.errors import AecliError, InputError
from aecli.images import formats, reading, writing
from aecli.inference import batch
from aecli.inference.reference import score

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aecli.cli.restore.request import RestoreRequest
    from aecli.cli.restore.spec import Load, LoadedModel, RestoreSpec
    from aecli.files.inputs import Source
    from aecli.images.image import Image
    from aecli.inference.engine import Areas


@dataclass(frozen=True)
class _Loaded:
    """A decoded input."""

    task: Task
    image: Image
    reference: Image | None


@dataclass(frozen=True)
class _Restored:
    """Results on their way to the disk; `before` only where something still needs it."""

    images: Sequence[Image]
    made: Sequence[Made]
    before: Image | None
    reference: Image | None


@hush.hushed()
def run(request: RestoreRequest, spec: RestoreSpec, load: Load) -> int:
    """Do what a restoring command was asked for.

    Args:
        request: the shared options.
        spec: what the command makes of pictures.
        load: opens a model, None for the default; not called where there is nothing to do.

    Returns:
        The program's exit code.
    """
    if request.watch:
        from aecli.cli.restore.watch import watch

        return watch(request, spec, load)
    found = plan(request, spec)
    tasks = found.tasks
    report = RestoreReport(
        json=request.json,
        quiet=request.quiet,
        detailed=request.verbose or request.reference is not None or len(tasks) == 1,
        part=str(request.part) if request.part.count > 1 else "",
    )
    report.leave_out(found.left_out)
    if request.dry_run:
        return _show_plan(tasks, report, json=request.json)
    started = time.monotonic()
    todo = worth_it(tasks, report)
    finished: dict[Source, Record] = {}

    def tell() -> None:
        for record in finished.values():
            report.add(record)
        report.interrupted(len(tasks), _how_to_go_on(request, todo))

    if todo:
        with stopping.telling(tell):
            models = loaded(request, load, report, _Areas(todo))
            work(request, spec, models, todo, report, finished)
    return report.finish(time.monotonic() - started)


def loaded(
    request: RestoreRequest, load: Load, report: RestoreReport, areas: Areas
) -> list[LoadedModel]:
    """The models that are asked for, the one that makes the results first; each is told of."""
    named: Sequence[str | None] = request.models or (None,)
    models = [load(name, areas) for name in named]
    for model in models:
        report.runs_on(model.name, model.runs_on)
    return models


def worth_it(tasks: Sequence[Task], report: RestoreReport) -> list[Task]:
    """Those of the tasks that there is something to do for; the others are told."""
    for task in tasks:
        if task.job.skip:
            report.add(Record(task.source, task.target, "skipped"))
        elif task.error is not None:
            _fail(report, task, task.error)
    return [task for task in tasks if not task.job.skip and task.error is None]


def work(
    request: RestoreRequest,
    spec: RestoreSpec,
    models: Sequence[LoadedModel],
    tasks: Sequence[Task],
    report: RestoreReport,
    finished: dict[Source, Record],
) -> None:
    """Read, restore and write, and tell of each image.

    Args:
        request, spec: see `run`.
        models: what restores; the first makes the results.
        tasks: those that are worth it.
        report: is told.
        finished: what is done and not told yet, for who ends the program to tell.
    """
    with console.Bars(len(tasks), shown=not request.quiet) as bars:
        pipeline = _Pipeline(request, spec, models, bars, finished)
        for item in pipeline.steps(tasks):
            if isinstance(item, batch.Step):
                with item:
                    item.result = pipeline.restore(item.value)
                continue
            finished.pop(item.job.job.source, None)
            if item.value is not None:
                report.add(item.value)
            elif item.error is not None:
                _fail(report, item.job, item.error)
                bars.advance()


class _Areas:
    """See `aecli.inference.engine.Areas`; 0 of what comes from a pipe or cannot be read."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[int]:
        for task in self._tasks:
            area = 0
            with suppress(AecliError, OSError, MemoryError), _contained(task):
                area = math.prod(task.size or (0,))
            yield area


def _how_to_go_on(request: RestoreRequest, todo: Sequence[Task]) -> str | None:
    """What makes the results that an interrupted run has not made."""
    if any(task.job.target is None for task in todo):
        return None
    instead = " in place of --overwrite" if request.overwrite else ""
    return f"the same command with --skip-existing{instead} goes on"


class _Pipeline:
    """Reads, restores and writes for one request; what is written is in `finished`."""

    def __init__(
        self,
        request: RestoreRequest,
        spec: RestoreSpec,
        models: Sequence[LoadedModel],
        bars: console.Bars,
        finished: dict[Source, Record],
    ) -> None:
        self._request = request
        self._spec = spec
        self._models = models
        self._bars = bars
        self._finished = finished

    def steps(
        self, tasks: Sequence[Task]
    ) -> Iterator[batch.Step[Task, _Loaded, _Restored] | batch.Outcome[Task, Record]]:
        """See `batch.steps`."""
        workers = self._request.workers
        return batch.steps(tasks, self._read, self._write, workers=workers, cost=self._cost)

    def restore(self, loaded: _Loaded) -> _Restored:
        """The results for an image, and what they are to be compared with."""
        progress = self._bars.inside(loaded.task.job.source.name)
        images, made = [], []
        with _contained(loaded.task):
            for model in self._models:
                started = time.monotonic()
                progress(0, loaded.image.width * loaded.image.height)
                result = model.restore(loaded.image, progress=progress)
                seconds = round(time.monotonic() - started, 3)
                images.append(result.image)
                size = result.image.width, result.image.height
                made.append(Made(model.name, model.engine, *size, seconds, result.facts))
            wanted = loaded.reference is not None or loaded.task.compare is not None
            before = self._models[0].baseline(loaded.image) if wanted else None
        return _Restored(images, made, before, loaded.reference)

    def _cost(self, task: Task) -> int:
        with _contained(task):
            size = task.size
        return 0 if size is None else math.prod(self._spec.size_of(*size)) * len(self._models)

    def _read(self, task: Task) -> _Loaded:
        path, name = task.job.source.path, task.job.source.name
        most = self._request.max_pixels
        with _contained(task):
            if task.item is not None:
                image = task.item.image(max_pixels=most)
            elif path is None or task.job.source.once:
                image = reading.decode(task.job.source.read(), name=name, max_pixels=most)
            else:
                image = reading.decode(path, max_pixels=most)
            pixel = image.pixels[0, 0].nbytes + (0 if image.alpha is None else image.alpha.itemsize)
            self._spec.check(name, image.width, image.height, pixel)
            reference = reading.decode(task.reference, max_pixels=most) if task.reference else None
        return _Loaded(task, image, reference)

    def _write(self, task: Task, result: _Restored) -> Record:
        with _contained(task):
            record = self._finished[task.job.source] = self._written(task, result)
        self._bars.advance()  # now, not when the outcome's turn to be told has come
        return record

    def _written(self, task: Task, result: _Restored) -> Record:
        made = result.made
        if result.before is not None and result.reference is not None:
            before, truth = result.before, result.reference
            scores = [score(before, image, truth) for image in result.images]
            made = [replace(m, score=s) for m, s in zip(made, scores, strict=True)]
        warnings = self._write_result(task, result.images[0])
        if result.before is not None and task.compare is not None:
            request = self._request
            beside = comparing.picture(
                [result.before, *result.images], self._spec.before, made, request.background
            )
            encode = functools.partial(writing.write, beside, format="PNG", strip=request.strip)
            console.deliver(encode, task.compare, overwrite=request.overwrite)
        compare = str(task.compare) if task.compare else None
        return Record(task.source, task.target, "done", made, compare, tuple(warnings))

    def _write_result(self, task: Task, image: Image) -> list[str]:
        request, target = self._request, task.job.target
        encode = functools.partial(
            writing.write,
            image,
            format=task.job.format or formats.writable(image.format),
            quality=request.quality,
            background=request.background,
            strip=request.strip,
        )
        warnings = console.deliver(encode, target, overwrite=request.overwrite)
        if request.keep_time and target is not None and task.job.source.path is not None:
            times = task.job.source.path.stat()
            os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        return warnings


@contextmanager
def _contained(task: Task) -> Iterator[None]:
    """What goes wrong with one image stops that image alone, even if it is a bug."""
    try:
        yield
    except (AecliError, OSError, MemoryError):
        raise
    except Exception as error:
        console.trace(error)
        message, hint = console.unexpected(error)
        raise InputError(f"{task.job.source.name}: {message}", hint) from error


def _fail(report: RestoreReport, task: Task, error: AecliError | OSError | MemoryError) -> None:
    """Tell of an image that has no result."""
    report.fail(task.job.source.name, error, source=task.source, target=task.target)


def _show_plan(tasks: Sequence[Task], report: RestoreReport, *, json: bool) -> int:
    """What a dry run prints; returns the program's exit code."""
    for task in tasks:
        if task.error is not None:
            _fail(report, task, task.error)
            continue
        record = Record(task.source, task.target, "skipped" if task.job.skip else "planned")
        if json:
            report.record(record.to_json())
        else:
            console.line(console.printable(record.to_line()))
    return report.code
