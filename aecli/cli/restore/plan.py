"""The plan that follows from what the user asks of a restoring command."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from aecli.cli import console
from aecli.cli.restore import comparing
from aecli.datasets import collecting, idx
from aecli.errors import InputError, Reason, UsageError
from aecli.files import planning
from aecli.files.inputs import within
from aecli.images import reading, writing
from aecli.images.formats import FORMATS, SUFFIXES, format_of, writable
from aecli.images.metadata import lies_sideways
from aecli.inference.reference import References

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from aecli.cli.restore.request import RestoreRequest
    from aecli.cli.restore.spec import RestoreSpec
    from aecli.datasets.item import Item
    from aecli.errors import AecliError
    from aecli.files.inputs import LeftOut, Source
    from aecli.images.header import Header


_APART = ("{name}", "{parent}_{stem}", "{parent}_{name}")
"""Names that say more of an input than its stem."""

_IN_TURN = "work on them in turn, with another -o FOLDER/ each time"


@dataclass(frozen=True)
class Task:
    """One image to restore.

    Attributes:
        job: where it comes from and goes to.
        reference: the true image to score against.
        compare: where the picture of before and after goes.
        max_pixels: more are refused.
        item: the picture, where it is one of a file that holds many.
        error: why there will be no result, where that is known beforehand.
    """

    job: planning.Job
    reference: Path | None
    compare: Path | None
    max_pixels: int
    item: Item | None = None
    error: AecliError | None = None

    @property
    def source(self) -> str:
        """The input as records call it; `job.source.name` is what messages do."""
        return "-" if self.job.source.path is None else self.job.source.name

    @property
    def target(self) -> str:
        """The result as records call it."""
        return str(self.job.target or "-")

    @cached_property
    def header(self) -> Header:
        """What the header of a file that holds one picture says; it is read once.

        Raises:
            InputError: it cannot be read, or has more than `max_pixels`.
        """
        assert self.job.source.path is not None
        return reading.probe(self.job.source.path, max_pixels=self.max_pixels)

    @property
    def size(self) -> tuple[int, int] | None:
        """Columns and rows as the file holds them; None where it can be read once only.

        Raises:
            InputError: as of `header`.
        """
        if self.job.source.path is None or self.job.source.once:
            return None
        if self.item is not None:
            height, width = self.item.size()
            return width, height
        return self.header.width, self.header.height


@dataclass(frozen=True)
class Plan:
    """Everything there is to do, and what there is not.

    Attributes:
        tasks: the images, in order.
        left_out: what folders hold beside them.
    """

    tasks: list[Task]
    left_out: list[LeftOut]


def plan(request: RestoreRequest, spec: RestoreSpec) -> Plan:
    """Everything there is to do, checked before any of it starts.

    Args:
        request: what the user asks for.
        spec: what the command makes of pictures.

    Raises:
        UsageError: it cannot all be done as asked.
    """
    writing.colour_of(request.background)
    comparing.check_models(request)
    found = collecting.gather(
        request.inputs,
        recursive=request.recursive,
        files_from=request.files_from,
        null=request.null,
        also=idx.holds_images,
    )
    parts, errors = _apart(found.sources)
    naming = planning.Naming(
        tag=spec.tag,
        template=request.template,
        format=format_of(request.format) if request.format else None,
        values={"model": spec.model, **spec.words},
        tags=f"{spec.tags or spec.tag}|{comparing.NAMES}",
    )
    sources, made = planning.fresh(list(parts), request.output, naming)
    if request.overwrite and request.skip_existing:
        raise UsageError("--overwrite and --skip-existing exclude each other")
    jobs = _jobs(request, sources, naming)
    _check_stdout(request, jobs)
    references = References(request.reference, jobs) if request.reference else None
    tasks = [
        Task(
            job,
            references.of(job) if references and not job.skip else None,
            comparing.target(job, spec) if request.compare and not job.skip else None,
            request.max_pixels,
            parts[job.source],
            errors.get(job.source),
        )
        for job in jobs
    ]
    comparing.check(tasks, overwrite=request.overwrite)
    tasks = [
        replace(task, error=error) if (error := _refused(task, spec)) else task for task in tasks
    ]
    if len(tasks) == 1 and isinstance(tasks[0].error, UsageError):
        raise tasks[0].error
    return Plan(tasks, [*planning.foreign(found.left_out, request.output), *made])


def _jobs(
    request: RestoreRequest, sources: Sequence[Source], naming: planning.Naming
) -> list[planning.Job]:
    """What becomes of each source; an error says which options cure it here."""

    def named(naming: planning.Naming) -> list[planning.Job]:
        return planning.plan(
            sources,
            request.output,
            naming,
            overwrite=request.overwrite,
            skip_existing=request.skip_existing,
            shard=request.part,
        )

    def parts(template: str) -> bool:
        try:
            named(replace(naming, template=template))
        except UsageError as error:
            return error.reason is Reason.EXISTS
        return True

    try:
        return named(naming)
    except UsageError as error:
        if error.reason is Reason.EXISTS:
            error.hint = "--overwrite replaces, --skip-existing leaves out"
        elif error.reason is Reason.COLLISION:
            after = ".{ext}" if request.output else "_{tag}.{ext}"
            apart = [stem + after for stem in _APART if parts(stem + after)]
            error.hint = f"--template '{apart[0]}' keeps them apart" if apart else _IN_TURN
        raise


def _apart(
    sources: Iterable[Source],
) -> tuple[dict[Source, Item | None], dict[Source, AecliError]]:
    """Files that hold many pictures as these, other files as they are; and what cannot be read."""
    parts: dict[Source, Item | None] = {}
    errors: dict[Source, AecliError] = {}
    for source in sources:
        try:
            held = collecting.held(source)
        except (InputError, UsageError) as error:
            held, errors[source] = {}, error
        for place, item in held.items():
            parts[within(source, place)] = item
        if not held:
            parts[source] = None
    return parts, errors


def _refused(task: Task, spec: RestoreSpec) -> AecliError | None:
    """Why one image will have no result, as far as its header tells."""
    if task.error is not None:
        return task.error
    path, form = task.job.source.path, task.job.format
    if path is None or task.job.skip or task.job.source.once or task.item:
        return None
    if (missing := task.job.source.missing()) is not None:
        return missing
    sized = spec.size is not None
    if not sized and (form is None or not _narrows(form, path)):
        return None
    try:
        header = task.header
        size = header.width, header.height
        width, height = reversed(size) if lies_sideways(path) else size
        pixel = (header.channels + header.has_alpha) * header.bits // 8
        spec.check(str(path), width, height, pixel)
        with _named(path):
            FORMATS[form or writable(header.format)].check(*spec.size_of(width, height))
    except (InputError, UsageError) as error:
        return error
    return None


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """InputErrors of the block say which file they are about."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint, reason=error.reason) from None


def _narrows(form: str, path: Path) -> bool:
    """Whether a format holds less wide pictures than that of a file, as its name says."""
    suffix = path.suffix.lower()
    before = FORMATS[format_of(suffix)].longest_side if suffix in SUFFIXES else math.inf
    return FORMATS[form].longest_side < before


def _check_stdout(request: RestoreRequest, jobs: Sequence[planning.Job]) -> None:
    """Standard output carries one thing, and images only where no terminal shows them."""
    if all(job.target is not None for job in jobs):
        return
    if request.json:
        raise UsageError(
            "--json and the image cannot both go to standard output", "-o names a file"
        )
    if not request.dry_run and console.stdout_is_terminal():
        raise UsageError("an image is not for the terminal", "-o names a file, > redirects")
