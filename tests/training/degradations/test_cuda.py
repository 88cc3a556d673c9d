"""On a GPU: no waiting for it, and what a CPU makes."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from aecli.training.degradations import blur
from aecli.training.degradations.draws import Draws
from aecli.training.degradations.found import found_photo
from aecli.training.degradations.jpeg import jpeg
from aecli.training.degradations.resize import resize, shrink

from .photographs import photographs

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture
def _no_waiting() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("scale", [2, 4])
def test_found_photos_never_wait_for_the_device(scale: int) -> None:
    gpu = torch.device("cuda")
    clean = photographs(128, 128).repeat(8, 1, 1, 1).to(gpu)

    def batches() -> list[Tensor]:
        rows = [range(24 * batch, 24 * batch + 24) for batch in range(8)]
        return [found_photo(clean, scale, Draws(0, numbers, gpu)) for numbers in rows]

    first = batches()  # makes what is kept
    torch.cuda.set_sync_debug_mode("error")
    again = batches()
    torch.cuda.set_sync_debug_mode("default")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def _blurred(x: Tensor) -> Tensor:
    kernels = blur.gaussian(np.array([0.5, 1, 3]))
    return blur.blur(x, kernels)


@pytest.mark.parametrize(
    "degrade",
    [
        lambda x: jpeg(x, np.array([50, 75, 90]), np.array([0, 1, 2])),
        lambda x: shrink(x, 2),
        lambda x: resize(x, 50, 70, "lanczos"),
        _blurred,
    ],
    ids=["jpeg", "shrink", "resize", "blur"],
)
def test_a_gpu_makes_what_a_cpu_makes(degrade: Callable[[Tensor], Tensor]) -> None:
    clean = photographs(96, 128)
    difference = (degrade(clean.cuda()).cpu() - degrade(clean)).abs()
    assert float(difference.mean()) * 255 < 0.01
