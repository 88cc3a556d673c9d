"""Many files through one network: reading, computing and writing overlap.

The network keeps to the caller's thread, so that Ctrl-C reaches it at once; a few threads read
ahead of it and write behind it (codecs release the interpreter's lock).
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

J = TypeVar("J")
A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")

BUDGET = 64_000_000
"""Pixels of all images under way, from the start of their reading to the end of their writing."""

PATIENCE = 1.0
"""Seconds that files which are read and written have when a run is ended early."""

_FAILURES = (AecliError, OSError, MemoryError)


@dataclass(frozen=True)
class Outcome(Generic[J, R]):
    """How one job ended.

    Attributes:
        job: the job.
        value: what `write` returned; None where the job failed.
        error: what stopped the job; None where it succeeded.
    """

    job: J
    value: R | None = None
    error: AecliError | OSError | MemoryError | None = None


class Step(Generic[J, A, B]):
    """A job that is read, and the caller's to compute: in its block, a result is made of `value`.

    An AecliError, OSError or MemoryError there is that of the job, and ends the block alone.

    Attributes:
        job: the job.
        value: the decoded input; gone after the block.
        result: what is to be written, set by the caller.
    """

    value: A
    result: B

    def __init__(self, job: J, value: A) -> None:
        self.job = job
        self.value = value
        self.error: AecliError | OSError | MemoryError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        del self.value
        if isinstance(error, _FAILURES):
            self.error = error
        return self.error is not None


def steps(
    jobs: Iterable[J],
    read: Callable[[J], A],
    write: Callable[[J, B], R],
    *,
    workers: int = 2,
    cost: Callable[[J], int] | None = None,
    budget: int = BUDGET,
) -> Iterator[Step[J, A, B] | Outcome[J, R]]:
    """Take every job through reading, computing and writing; the computing is the caller's.

    Yields a step for every job that could be read, and the outcomes, both in the jobs' order.

    A job that fails with an AecliError, OSError or MemoryError stops alone. Any other exception, a
    KeyboardInterrupt and a BrokenPipeError end the run: what a thread is just writing is finished,
    if that takes no longer than `PATIENCE`; all else is dropped, and a thread that reads what does
    not come is left behind.

    Args:
        jobs: what to do.
        read: job -> decoded input; runs in a thread.
        write: job, result -> what the caller wants to know of it; runs in a thread.
        workers: number of threads, and of images read ahead.
        cost: job -> pixels, from its header; where that fails, `read` will say why. None: jobs cost
            nothing.
        budget: an image is read ahead only while the costs under way stay within this; alone, any
            image may be read.
    """
    waiting = deque(jobs)
    reading: deque[tuple[J, int, Future[A]]] = deque()
    writing: deque[tuple[J, int, Future[R]]] = deque()

    def price(job: J) -> int:
        try:
            return cost(job) if cost else 0
        except _FAILURES:
            return 0

    def read_ahead() -> None:
        while waiting and len(reading) <= workers and len(writing) <= workers:
            pixels = price(waiting[0])
            under_way = sum(item[1] for item in (*reading, *writing))
            if (reading or writing) and under_way + pixels > budget:
                break
            job = waiting.popleft()
            reading.append((job, pixels, pool.submit(read, job)))

    def written() -> Iterator[Outcome[J, R]]:
        while writing and writing[0][2].done():
            yield _outcome(*writing.popleft())

    pool = ThreadPoolExecutor(workers, thread_name_prefix="aecli-files")
    try:
        while True:
            read_ahead()
            if reading:
                job, pixels, read_input = reading[0]
                while writing and not read_input.done():
                    either: tuple[Future[Any], ...] = (read_input, writing[0][2])
                    wait(either, return_when=FIRST_COMPLETED)
                    yield from written()
                try:
                    step: Step[J, A, B] = Step(job, read_input.result())
                except _FAILURES as error:
                    writing.append((job, pixels, _failed(error)))
                else:
                    yield step
                    failed = step.error and _failed(step.error)
                    writing.append((job, pixels, failed or pool.submit(write, job, step.result)))
                    del step
                reading.popleft()
                del read_input  # and with it the decoded input
            elif writing:  # the next image waits for the memory of this one
                yield _outcome(*writing.popleft())
            else:
                return
            yield from written()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        futures: list[Future[Any]] = [item[2] for item in reading]
        futures += [item[2] for item in writing]
        if not wait([f for f in futures if not f.cancelled()], PATIENCE).not_done:
            pool.shutdown()


def run(
    jobs: Iterable[J],
    read: Callable[[J], A],
    compute: Callable[[A], B],
    write: Callable[[J, B], R],
    *,
    workers: int = 2,
    cost: Callable[[J], int] | None = None,
    budget: int = BUDGET,
) -> Iterator[Outcome[J, R]]:
    """`steps`, each of which is `compute`'s: decoded input -> result."""
    for item in steps(jobs, read, write, workers=workers, cost=cost, budget=budget):
        if isinstance(item, Outcome):
            yield item
            continue
        with item:
            item.result = compute(item.value)


def _failed(error: BaseException) -> Future[Any]:
    """The result of a job that has none."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _outcome(job: J, _pixels: int, written: Future[R]) -> Outcome[J, R]:
    try:
        return Outcome(job, value=written.result())
    except BrokenPipeError:
        raise
    except _FAILURES as error:
        return Outcome(job, error=error.with_traceback(None))  # its frames would keep the pixels
