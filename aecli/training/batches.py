"""Batches made ahead of the step that needs them."""

from __future__ import annotations

import time
from collections import deque
from concurrent import futures
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import torch

from aecli.training.threads import side_threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor

    from aecli.training.data import Batch

AHEAD = 2
"""Batches that are ready, or being made, before they are asked for."""


class Batches:
    """An endless stream of batches, made in a thread of its own, on a GPU in a stream of its own.

    A context manager: leaving it ends its threads.

    Args:
        make: consecutive steps -> their batches, on the device, one after the other in one; what
            it makes for a step depends on the step alone.
        first: the step to start with.
        device: where the batches are made.
        ahead: whether they are made ahead at all, or each when it is asked for.
        shared: threads that share what is not made ahead, a part of its steps each: what is made
            of many small operations gains more from that than from as many threads in each.
        together: steps whose batches are made in one go, counted from step 0, so that a resumed
            run makes the same: telling a device what to do takes as long for few samples as for
            many.

    Attributes:
        together: as told.
        waited: seconds that `next` has taken, all in all.
    """

    def __init__(
        self,
        make: Callable[[range], Batch],
        first: int,
        device: torch.device,
        *,
        ahead: bool = True,
        shared: int = 1,
        together: int = 1,
    ) -> None:
        self.waited = 0.0
        self._make, self._device, self.together = make, device, together
        self._ahead, self._shared = ahead, min(shared, together)
        self._done = first % together
        self._step = first - self._done
        self._exit = ExitStack()
        self._pool: ThreadPoolExecutor | None = None
        self._stream: torch.cuda.Stream | None = None
        self._parts: deque[Batch] = deque()
        self._made: deque[Future[tuple[Batch, torch.cuda.Event | None]]] = deque()
        beside = 1 if ahead else self._shared
        if ahead or beside > 1:
            self._pool = self._exit.enter_context(side_threads(beside, "batches"))
            if ahead and device.type == "cuda":
                self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
                self._stream.wait_stream(torch.cuda.current_stream(device))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        began = time.perf_counter()
        if not self._parts:
            whole = self._next()
            chunks = (tensor.chunk(self.together) for tensor in whole.values())
            parts = [dict(zip(whole, part, strict=True)) for part in zip(*chunks, strict=True)]
            self._parts.extend(parts[self._done :])
            self._done = 0
        self.waited += time.perf_counter() - began
        return self._parts.popleft()

    def settle(self) -> None:
        """Wait until what is to be ready ahead of time is."""
        futures.wait(self._made)

    def _next(self) -> Batch:
        if self._pool is None:
            return self._making(self._steps())[0]
        if not self._ahead:
            return self._made_by_all(self._pool)
        while len(self._made) <= AHEAD:
            self._made.append(self._pool.submit(self._making, self._steps()))
        batch, made = self._made.popleft().result()
        if made is not None:
            here = torch.cuda.current_stream(self._device)
            here.wait_event(made)
            for tensor in batch.values():
                tensor.record_stream(here)  # not to be given to the next batch before it is used
        return batch

    def _made_by_all(self, pool: ThreadPoolExecutor) -> Batch:
        steps, share = self._steps(), -(-self.together // self._shared)
        shares = (steps[start : start + share] for start in range(0, len(steps), share))
        parts = [batch for batch, _ in pool.map(self._making, shares)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _steps(self) -> range:
        """The steps that are to be made next."""
        self._step += self.together
        return range(self._step - self.together, self._step)

    @torch.no_grad()
    def _making(self, steps: range) -> tuple[Batch, torch.cuda.Event | None]:
        if self._stream is None:
            return self._make(steps), None
        with torch.cuda.stream(self._stream):
            return self._make(steps), self._stream.record_event()
