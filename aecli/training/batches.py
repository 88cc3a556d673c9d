"""Batches made ahead of the step that needs them."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from torch import Tensor

    Batch = Mapping[str, Tensor]

AHEAD = 2
"""Batches that are ready, or being made, before they are asked for."""


class Batches:
    """An endless stream of batches, made in a thread of its own, on a GPU in a stream of its own.

    A context manager: leaving it ends the thread.

    Args:
        make: step -> its batch, on the device; a function of the step alone.
        first: the step to start with.
        device: where the batches are made.
        ahead: whether they are made ahead at all, or each when it is asked for.

    Attributes:
        waited: seconds that `next` has taken, all in all.
    """

    def __init__(
        self, make: Callable[[int], Batch], first: int, device: torch.device, *, ahead: bool = True
    ) -> None:
        self.waited = 0.0
        self._make, self._step, self._device = make, first, device
        self._pool: ThreadPoolExecutor | None = None
        self._stream: torch.cuda.Stream | None = None
        self._made: deque[Future[tuple[Batch, torch.cuda.Event | None]]] = deque()
        if ahead:
            # Torch takes the number of threads that is set last for those of later threads, too.
            threads = torch.get_num_threads()
            self._pool = ThreadPoolExecutor(1, "batches")
            self._pool.submit(torch.set_num_threads, 1).result()
            torch.set_num_threads(threads)
            if device.type == "cuda":
                self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
                self._stream.wait_stream(torch.cuda.current_stream(device))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._made.clear()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        began = time.perf_counter()
        batch = self._next()
        self.waited += time.perf_counter() - began
        return batch

    def _next(self) -> Batch:
        if self._pool is None:
            self._step += 1
            with torch.no_grad():
                return self._make(self._step - 1)
        while len(self._made) <= AHEAD:
            self._made.append(self._pool.submit(self._ahead, self._step))
            self._step += 1
        batch, made = self._made.popleft().result()
        if made is not None:
            here = torch.cuda.current_stream(self._device)
            here.wait_event(made)
            for tensor in batch.values():
                tensor.record_stream(here)  # not to be given to the next batch before it is used
        return batch

    @torch.no_grad()
    def _ahead(self, step: int) -> tuple[Batch, torch.cuda.Event | None]:
        if self._stream is None:
            return self._make(step), None
        with torch.cuda.stream(self._stream):
            return self._make(step), self._stream.record_event()
