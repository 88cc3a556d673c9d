"""Batches ahead of time: the same as in time, and no thread is left."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from aecli.training.batches import Batches

CPU = torch.device("cpu")


def make(steps: range) -> dict[str, torch.Tensor]:
    weight = torch.ones(1, requires_grad=True)
    return {"step": torch.tensor(steps).repeat_interleave(2) * weight}


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize(("ahead", "shared"), [(True, 1), (False, 1), (False, 3)])
def test_batches_come_in_order_and_without_gradients(
    ahead: bool, shared: int, together: int
) -> None:
    with Batches(make, 5, CPU, ahead=ahead, shared=shared, together=together) as batches:
        taken = [next(batches)["step"] for _ in range(6)]
    assert [t.tolist() for t in taken] == [[n, n] for n in (5, 6, 7, 8, 9, 10)]
    assert not any(t.requires_grad for t in taken)


def test_a_stream_that_begins_later_makes_the_same_steps_together() -> None:
    made: list[range] = []

    def noted(steps: range) -> dict[str, torch.Tensor]:
        made.append(steps)
        return make(steps)

    with Batches(noted, 6, CPU, ahead=False, together=4) as batches:
        taken = [next(batches)["step"].tolist() for _ in range(3)]
    assert taken == [[6, 6], [7, 7], [8, 8]]
    assert made == [range(4, 8), range(8, 12)]


def test_threads_that_share_make_a_part_of_the_steps_each_on_one_core() -> None:
    made = []
    both = threading.Barrier(2)

    def noted(steps: range) -> dict[str, torch.Tensor]:
        both.wait(timeout=10)
        made.append((steps, torch.get_num_threads(), torch.is_grad_enabled()))
        return make(steps)

    with Batches(noted, 0, CPU, ahead=False, shared=2, together=5) as batches:
        assert [next(batches)["step"].tolist() for _ in range(5)] == [[n, n] for n in range(5)]
    made.sort(key=lambda what: what[0].start)
    assert made == [(range(3), 1, False), (range(3, 5), 1, False)]


def test_leaving_ends_the_thread_although_batches_are_being_made() -> None:
    def slow(steps: range) -> dict[str, torch.Tensor]:
        time.sleep(0.05)
        return {"step": torch.tensor(steps)}

    with Batches(slow, 0, CPU) as batches:
        next(batches)
    assert not [t for t in threading.enumerate() if t.name.startswith("batches")]


def test_an_error_is_the_one_who_asks_its() -> None:
    def fails(steps: range) -> dict[str, torch.Tensor]:
        raise ValueError("no")

    with Batches(fails, 0, CPU) as batches, pytest.raises(ValueError, match="no"):
        next(batches)


def test_the_trainers_threads_stay_as_they_are() -> None:
    before = torch.get_num_threads()
    with Batches(make, 0, CPU) as batches:
        next(batches)
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_it_says_how_long_it_was_waited_for() -> None:
    def slow(steps: range) -> dict[str, torch.Tensor]:
        time.sleep(0.05)
        return {"step": torch.tensor(steps)}

    with Batches(slow, 0, CPU, ahead=False) as batches:
        next(batches)
        next(batches)
    assert 0.1 <= batches.waited < 1
