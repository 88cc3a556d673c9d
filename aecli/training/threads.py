"""Threads beside the one that trains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def side_threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads each of which computes on one core, while this one keeps its own number of cores.

    What torch is told in one thread holds for that one and for all that begin later; so it is told
    again here.
    """
    cores = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, name, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)
