"""How long each degradation takes: python -m tests.benchmarks.degradations [--device cuda]."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from aecli.training.degradations import blur, graphics
from aecli.training.degradations.draws import Draws
from aecli.training.degradations.found import found_photo
from aecli.training.degradations.jpeg import jpeg
from aecli.training.degradations.noise import is_grey, noise
from aecli.training.degradations.resize import KERNELS, resize_each, shrink


def main() -> None:
    """Milliseconds a batch, the median of 20 batches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device, n, side = torch.device(options.device), options.batch, options.crop
    clean = torch.rand(n, 3, side, side).mul(255).round().div(255).to(device)
    sys.stdout.write(f"{n} crops of {side} pixels, {device}, {options.threads} threads\n")
    for name, degrade in degradations(clean).items():
        sys.stdout.write(f"{name:24} {milliseconds(degrade, n, device):8.2f} ms\n")
    began = time.perf_counter()
    graphics.make([], 64, seed=0)
    sys.stdout.write(
        f"{'a graphic':24} {(time.perf_counter() - began) / 64 * 1e3:8.2f} ms, on the host\n"
    )


def degradations(clean: torch.Tensor) -> dict[str, Callable[[Draws], torch.Tensor]]:
    """What is timed: functions of a batch's draws."""
    n, side = len(clean), clean.shape[-1]
    ones, large = np.ones(n), np.full((n, 2), side)

    def some_jpeg(draws: Draws) -> torch.Tensor:
        u = draws.uniform("jpeg", 2)
        return jpeg(clean, (40 + 58 * u[:, 0]).astype(int), (3 * u[:, 1]).astype(int))

    def some_blur(draws: Draws) -> torch.Tensor:
        u = draws.uniform("blur", 3)
        kernels = blur.gaussian(3 * u[:, 0], u[:, 1], np.pi * u[:, 2])
        return blur.blur(clean, kernels)

    def some_sizes(draws: Draws) -> torch.Tensor:
        u = draws.uniform("sizes", 2)
        after = np.repeat((side // 2 + side * u[:, :1] / 2).astype(int) // 8 * 8, 2, axis=1)
        kernels = [list(KERNELS)[k] for k in (len(KERNELS) * u[:, 1]).astype(int)]
        return resize_each(clean, large, after, kernels, (side, side))

    def some_noise(draws: Draws) -> torch.Tensor:
        return noise(clean, 10 * ones, 0.5 * ones, 0.5 * ones, is_grey(clean), draws, "noise")

    return {
        "jpeg": some_jpeg,
        "blur": some_blur,
        "resize_each": some_sizes,
        "noise": some_noise,
        "shrink x2": lambda _: shrink(clean, 2),
        "shrink x4": lambda _: shrink(clean, 4),
        "found_photo x2": lambda draws: found_photo(clean, 2, draws),
        "found_photo x4": lambda draws: found_photo(clean, 4, draws),
    }


def milliseconds(
    degrade: Callable[[Draws], torch.Tensor], count: int, device: torch.device
) -> float:
    """The median time of a batch, once what is kept has been made."""

    def once(batch: int) -> float:
        began = time.perf_counter()
        degrade(Draws(0, range(batch * count, (batch + 1) * count), device))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - began

    times = [once(batch) for batch in range(60)]
    return 1e3 * float(np.median(times[-20:]))


if __name__ == "__main__":
    main()
