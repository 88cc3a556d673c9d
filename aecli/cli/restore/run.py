"""From a request to results, and what is told of each."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from aecli.cli import console, hush, stopping
from aecli.cli.restore.pipeline import Pipeline, contained
from aecli.cli.restore.plan import plan
from aecli.cli.restore.report import Record, RestoreReport
from aecli.errors import AecliError
from aecli.inference import batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aecli.cli.restore.plan import Task
    from aecli.cli.restore.request import RestoreRequest
    from aecli.cli.restore.spec import Load, LoadedModel, RestoreSpec
    from aecli.files.inputs import Source
    from aecli.inference.engine import Areas


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
        pipeline = Pipeline(request, spec, models, bars, finished)
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
            with suppress(AecliError, OSError, MemoryError), contained(task):
                area = math.prod(task.size or (0,))
            yield area


def _how_to_go_on(request: RestoreRequest, todo: Sequence[Task]) -> str | None:
    """What makes the results that an interrupted run has not made."""
    if any(task.job.target is None for task in todo):
        return None
    instead = " in place of --overwrite" if request.overwrite else ""
    return f"the same command with --skip-existing{instead} goes on"


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
