"""Restoring what comes into a folder, until Ctrl-C: whole files only, by one loaded model."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.cli import console, stopping
from aecli.cli.restore.plan import Task, plan
from aecli.cli.restore.report import Record, RestoreReport
from aecli.cli.restore.run import loaded, work, worth_it
from aecli.errors import AecliError, UsageError
from aecli.extras import WATCH
from aecli.files.inputs import passed_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aecli.cli.restore.request import RestoreRequest
    from aecli.cli.restore.spec import Load, RestoreSpec
    from aecli.files.inputs import Source

_WITHOUT_END = (1 << 40,)
"""Pixels of what there is to come."""

QUIET = 1.0
"""Seconds in which a file does not grow or change before it counts as whole."""


def watch(request: RestoreRequest, spec: RestoreSpec, load: Load) -> int:
    """Do for every file that is in the folders, or comes there, what the command was asked for.

    Arguments and result: as `aecli.cli.restore.run.run`. Ctrl-C is how it ends: the exit code tells
    of the files, not of that.

    Raises:
        UsageError: the inputs are not folders, or the results would be among them.
    """
    folders = _folders(request)
    settled = arrivals(folders, recursive=request.recursive)
    asked = replace(request, skip_existing=not request.overwrite)
    report = RestoreReport(json=request.json, quiet=request.quiet, detailed=True)
    finished: dict[Source, Record] = {}
    began = time.monotonic()

    def tell() -> None:
        for record in finished.values():
            report.add(record)
        report.finish(time.monotonic() - began)

    with stopping.telling(tell):
        models = loaded(request, load, report, _WITHOUT_END)
        report.say(f"watching {', '.join(map(str, folders))} until Ctrl-C")
        if not request.recursive:
            for folder in folders:
                names = sorted(path.name for path in folder.iterdir())
                report.leave_out(list(passed_over(folder, names)))
        try:
            for paths in settled:
                tasks = worth_it(_of(paths, asked, spec), report)
                work(asked, spec, models, tasks, report, finished)
        except KeyboardInterrupt:
            tell()
    return report.code


def arrivals(folders: Sequence[Path], *, recursive: bool) -> Iterator[set[Path]]:
    """The files that are in folders, and those that come or change, resolved, once they are whole.

    Without end; a file is whole where it has been the same for `QUIET`.
    """
    watchfiles = WATCH.load("watching a folder")
    pending: dict[Path, tuple[int, int] | None] | None = None
    for changes in watchfiles.watch(
        *folders,
        recursive=recursive,
        rust_timeout=round(1000 * QUIET),
        yield_on_timeout=True,
        raise_interrupt=True,
    ):
        if pending is None:  # only now, so that no file comes unseen
            pending = {path: None for folder in folders for path in _files(folder, recursive)}
        moved = {Path(name).resolve() for _, name in changes}
        pending |= dict.fromkeys(moved)
        states = {path: _state(path) for path in pending}
        whole = {path for path, state in states.items() if state and state == pending[path]}
        pending = {path: state for path, state in states.items() if state and path not in whole}
        if whole:
            yield whole


def _folders(request: RestoreRequest) -> list[Path]:
    """The folders to watch, where all that is asked goes with watching them."""
    for option, given in {
        "--files-from": request.files_from is not None,
        "--shard": request.shard is not None,
        "--dry-run": request.dry_run,
    }.items():
        if given:
            raise UsageError(f"--watch and {option} exclude each other")
    folders = [Path(name).expanduser() for name in request.inputs]
    if not folders or not all(folder.is_dir() for folder in folders):
        raise UsageError("--watch takes folders as INPUT, and nothing else")
    target = None if request.output in (None, "-") else Path(str(request.output)).expanduser()
    if target is None or target.is_file():
        raise UsageError("--watch needs a folder for the results", "-o DIR/ names one")
    inside = [f for f in folders if target.resolve().is_relative_to(f.resolve())]
    if inside:
        message = f"the results would lie in {inside[0]}, which is watched"
        raise UsageError(message, "-o DIR/ names another folder")
    target.mkdir(parents=True, exist_ok=True)
    return folders


def _of(paths: set[Path], request: RestoreRequest, spec: RestoreSpec) -> list[Task]:
    """What there is to do for some of the files; what cannot be planned is told."""
    try:
        tasks = plan(request, spec).tasks
    except AecliError as error:
        console.error(error.message, error.hint)
        return []
    return [task for task in tasks if (p := task.job.source.path) and p.resolve() in paths]


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    for place, below, names in os.walk(folder):
        yield from (Path(place, name).resolve() for name in names)
        if not recursive:
            below.clear()


def _state(path: Path) -> tuple[int, int] | None:
    """The size and the time of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() else None
