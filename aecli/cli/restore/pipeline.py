"""Many images read, restored and written, at once."""

from __future__ import annotations

import functools
import math
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aecli.cli import console
from aecli.cli.restore import comparing
from aecli.cli.restore.report import Made, Record
from aecli.errors import AecliError, InputError
from aecli.images import formats, reading, writing
from aecli.inference import batch
from aecli.inference.reference import score

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aecli.cli.restore.plan import Task
    from aecli.cli.restore.request import RestoreRequest
    from aecli.cli.restore.spec import LoadedModel, RestoreSpec
    from aecli.files.inputs import Source
    from aecli.images.image import Image


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


class Pipeline:
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
        with contained(loaded.task):
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
        with contained(task):
            size = task.size
        return 0 if size is None else math.prod(self._spec.size_of(*size)) * len(self._models)

    def _read(self, task: Task) -> _Loaded:
        path, name = task.job.source.path, task.job.source.name
        most = self._request.max_pixels
        with contained(task):
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
        with contained(task):
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
def contained(task: Task) -> Iterator[None]:
    """What goes wrong with one image stops that image alone, even if it is a bug."""
    try:
        yield
    except (AecliError, OSError, MemoryError):
        raise
    except Exception as error:
        console.trace(error)
        message, hint = console.unexpected(error)
        raise InputError(f"{task.job.source.name}: {message}", hint) from error
