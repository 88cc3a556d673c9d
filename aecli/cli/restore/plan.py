"""The plan that follows from what the user asks of a restoring command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aecli.cli import console
from aecli.cli.restore.reference import References
from aecli.errors import InputError, UsageError
from aecli.files import planning
from aecli.files.inputs import collect
from aecli.images import formats, reading, writing
from aecli.images.metadata import lies_sideways

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aecli.cli.restore.purpose import Purpose
    from aecli.cli.restore.request import Request


@dataclass(frozen=True)
class Task:
    """One image to restore.

    Attributes:
        job: where it comes from and goes to.
        reference: the true image to score against.
        compare: where the picture of before and after goes.
    """

    job: planning.Job
    reference: Path | None
    compare: Path | None

    @property
    def source(self) -> str:
        """The input as records call it; `job.source.name` is what messages do."""
        return str(self.job.source.path or "-")

    @property
    def target(self) -> str:
        """The result as records call it."""
        return str(self.job.target or "-")


def plan(request: Request, purpose: Purpose) -> list[Task]:
    """Everything there is to do, checked before any of it starts.

    Args:
        request: what the user asks for.
        purpose: what the command makes of pictures.

    Raises:
        UsageError: it cannot all be done as asked.
    """
    writing.colour_of(request.background)
    sources = collect(
        request.inputs or [],
        recursive=request.recursive,
        files_from=request.files_from,
        null=request.null,
    )
    naming = planning.Naming(
        tag=purpose.tag,
        template=request.template,
        format=formats.format_of(request.format) if request.format else None,
        values={"model": purpose.model, **purpose.words},
        tags=purpose.tags,
    )
    jobs = planning.plan(
        sources,
        request.output,
        naming,
        overwrite=request.overwrite,
        skip_existing=request.skip_existing,
    )
    _check_stdout(request, jobs)
    references = References(request.reference, jobs) if request.reference else None
    tasks = [
        Task(
            job,
            references.of(job) if references and not job.skip else None,
            _compare_target(job) if request.compare and not job.skip else None,
        )
        for job in jobs
    ]
    _check_comparisons(tasks, overwrite=request.overwrite)
    for task in tasks:
        if purpose.size is not None and not task.job.skip:
            _check_result(task, purpose, request.max_pixels)
    return tasks


def _check_result(task: Task, purpose: Purpose, max_pixels: int) -> None:
    """See that the result can be made, if the input's header can be read."""
    path = task.job.source.path
    if path is None:
        return
    try:
        header = reading.probe(path, max_pixels=max_pixels)
    except InputError:
        return  # reading it will say the same, and stop that image alone
    size = header.width, header.height
    width, height = reversed(size) if lies_sideways(path) else size
    channels = header.channels + header.has_alpha
    purpose.check(str(path), width, height, channels * header.bits // 8)


def _check_stdout(request: Request, jobs: Sequence[planning.Job]) -> None:
    """Standard output carries one thing, and images only where no terminal shows them."""
    if all(job.target is not None for job in jobs):
        return
    if request.json:
        raise UsageError(
            "--json and the image cannot both go to standard output", "-o names a file"
        )
    if not request.dry_run and console.stdout_is_terminal():
        raise UsageError("an image is not for the terminal", "-o names a file, > redirects")


def _compare_target(job: planning.Job) -> Path:
    if job.target is None:
        raise UsageError(
            "--compare writes beside the result, which has no file here", "use -o FILE"
        )
    return job.target.with_name(f"{job.source.relative.stem}_compare.png")


def _check_comparisons(tasks: Sequence[Task], *, overwrite: bool) -> None:
    """Comparisons collide neither with each other nor with results, inputs or existing files."""
    taken = {
        str(path).casefold() for t in tasks for path in (t.job.target, t.job.source.path) if path
    }
    for task in tasks:
        if task.compare is None:
            continue
        key = str(task.compare).casefold()
        if key in taken:
            raise UsageError(f"--compare would write {task.compare} over another image")
        if task.compare.exists() and not overwrite:
            raise UsageError(f"{task.compare} exists already", "--overwrite replaces it")
        taken.add(key)
