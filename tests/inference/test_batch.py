from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from aecli.errors import InputError
from aecli.inference.batch import Outcome, run


def double(value: int) -> int:
    return 2 * value


def add(job: int, value: int) -> int:
    return job + value


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_outcomes_come_in_the_order_of_the_jobs(workers: int, count: int) -> None:
    def slow_for_some(job: int) -> int:
        time.sleep(0.002 * (job % 3))
        return job

    outcomes = list(run(range(count), slow_for_some, double, add, workers=workers))
    assert outcomes == [Outcome(n, value=3 * n) for n in range(count)]


@pytest.mark.parametrize("error", [InputError("bad"), FileNotFoundError("gone"), MemoryError()])
@pytest.mark.parametrize("stage", ["read", "compute", "write"])
def test_a_bad_job_stops_alone(stage: str, error: Exception) -> None:
    def fail(at: str, job: int) -> int:
        if at == stage and job == 1:
            raise error
        return job

    outcomes = list(
        run(
            range(3),
            lambda job: fail("read", job),
            lambda value: fail("compute", value),
            lambda job, _: fail("write", job),
        )
    )
    assert [o.value for o in outcomes] == [0, None, 2]
    assert [o.error for o in outcomes] == [None, error, None]


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
@pytest.mark.parametrize("error", [ValueError, BrokenPipeError])
def test_a_bug_and_a_broken_pipe_end_the_run(stage: str, error: type[Exception]) -> None:
    def fail(at: str, value: int) -> int:
        if at == stage:
            raise error
        return value

    with pytest.raises(error):
        list(
            run(
                range(3),
                lambda job: fail("read", job),
                lambda value: fail("compute", value),
                lambda job, _: fail("write", job),
            )
        )


def test_an_interrupt_finishes_what_is_being_written_and_drops_the_rest() -> None:
    written: list[int] = []
    writing = threading.Event()

    def compute(value: int) -> int:
        if value == 1:
            writing.wait()
            raise KeyboardInterrupt
        return value

    def write(job: int, _: int) -> None:
        writing.set()
        time.sleep(0.05)
        written.append(job)

    outcomes = run(range(9), double, lambda value: compute(value // 2), write)
    with pytest.raises(KeyboardInterrupt):
        list(outcomes)
    assert written == [0]


def test_a_consumer_that_leaves_stops_the_threads() -> None:
    before = threading.active_count()
    outcomes = run(range(100), double, double, add)
    assert next(outcomes).value == 0
    assert isinstance(outcomes, Iterator)
    outcomes.close()  # type: ignore[attr-defined]  # a generator
    assert threading.active_count() == before


class Meter:
    """Counts the cost under way, from the start of a reading to the end of a writing."""

    def __init__(self, cost: dict[int, int]) -> None:
        self.cost, self.lock = cost, threading.Lock()
        self.now = self.most = self.images = self.most_images = 0

    def read(self, job: int) -> int:
        with self.lock:
            self.now += self.cost[job]
            self.images += 1
            self.most = max(self.most, self.now)
            self.most_images = max(self.most_images, self.images)
        return job

    def write(self, job: int, _: int) -> None:
        time.sleep(0.002)
        with self.lock:
            self.now -= self.cost[job]
            self.images -= 1


def test_images_are_read_ahead_only_within_the_budget() -> None:
    meter = Meter({n: (30, 10, 70)[n % 3] for n in range(30)})
    for _ in run(
        meter.cost, meter.read, double, meter.write, workers=4, cost=meter.cost.get, budget=64
    ):
        pass
    assert meter.most == 70  # the largest went alone
    assert meter.now == 0


def test_the_number_of_images_under_way_is_bounded() -> None:
    meter = Meter(dict.fromkeys(range(60), 0))
    list(run(meter.cost, meter.read, double, meter.write, workers=2))
    assert meter.most_images <= 7


def test_a_cost_that_cannot_be_told_leaves_the_verdict_to_read() -> None:
    def unreadable(job: int) -> int:
        raise InputError(f"{job} is corrupt")

    [outcome] = run([1], unreadable, double, add, cost=unreadable)
    assert str(outcome.error) == "1 is corrupt"


def test_reading_computing_and_writing_overlap() -> None:
    read_next, computing_next = threading.Event(), threading.Event()

    def read(job: int) -> int:
        if job == 1:
            read_next.set()
        return job

    def compute(value: int) -> bool:
        if value == 1:
            computing_next.set()
        return read_next.wait(20)

    def write(job: int, overlapped: bool) -> bool:
        return overlapped and computing_next.wait(20)

    assert all(outcome.value for outcome in run(range(2), read, compute, write))
