"""How busy training keeps its device: python -m tests.benchmarks.training [PHOTOS] [--device cuda].

Each task's step with real batches beside the same step with one batch over and over; on a GPU as it
is and compiled, 64 crops a step unless --set says otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode

from aecli import device
from aecli.training import recipes
from aecli.training.batches import Batches
from aecli.training.build import architecture, objective
from aecli.training.loop import fast_convolutions, optimise
from aecli.training.meter import Meter
from aecli.training.observer import Unwatched
from aecli.training.plan import Plan
from aecli.training.session import Session, assemble
from aecli.training.trainee import Compiled

if TYPE_CHECKING:
    from torch import Tensor

    from aecli.training.data import Batch

PHOTOS = Path(__file__).parents[1] / "data" / "clean"

ROUNDS = 3
"""Real and repeated batches take turns, so that a busy machine is unjust to neither."""


@dataclass(frozen=True)
class Speed:
    """Seconds a step with real and with repeated batches, the share waited, what a step costs."""

    real: float
    repeated: float
    waited: float
    pixels: int
    flops: int


def main() -> None:
    """A Markdown table, one row a task and precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="?", default=str(PHOTOS), help="pictures to train on")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", nargs="+", default=["auto"])
    parser.add_argument("--recipe", nargs="+", default=["denoise/photo", "upscale/photo-x2"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20, help="a round, at least")
    parser.add_argument("--set", nargs="*", default=[], help="as of aecli train")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    say = sys.stdout.write
    say("| recipe | device | ms a step | without data | speed kept | waited | MP/s | TFLOP/s |\n")
    say("| --- " * 8 + "|\n")
    for name, precision in product(options.recipe, options.precision):
        runtime = device.choose(options.device, precision, training=True)
        for settings, how in variants(runtime.device, options.threads):
            s = measured(name, options.photos, runtime, options.steps, [*settings, *options.set])
            say(
                f"| {name} | {runtime.precision.value} on {how} | {1e3 * s.real:.1f} |"
                f" {1e3 * s.repeated:.1f} | {s.repeated / s.real:.2f} | {s.waited:.0%} |"
                f" {s.pixels / s.real / 1e6:.2f} | {s.flops / s.real / 1e12:.3f} |\n"
            )
            sys.stdout.flush()


def variants(where: torch.device, threads: int) -> list[tuple[list[str], str]]:
    """What a device is measured with: settings of the recipe, and their name."""
    if where.type != "cuda":
        return [([], f"{where}, {threads} threads")]
    card = torch.cuda.get_device_name(where)
    return [
        (["data.batch=64", f"run.compile={'true' if compiled else 'false'}"], f"{card}{how}")
        for compiled, how in ((False, ""), (True, ", compiled"))
    ]


def measured(
    name: str, photos: str, runtime: device.Runtime, steps: int, settings: list[str]
) -> Speed:
    """The speed of a recipe (`TASK/NAME`) on a folder of pictures."""
    with session(name, photos, runtime, settings) as run, run.batches() as stream:
        # As many batches are made in a round of real ones as it uses, and none in the others.
        steps += -steps % stream.together
        meter = Meter(run.plan, 0, 0.0)
        batch = next(stream)
        flops = operations(run, batch)
        timed(run, meter, stream, stream.together - 1)
        timed(run, meter, repeat(batch), steps // 2)
        spent = {True: 0.0, False: 0.0}
        before = stream.waited
        for real in (True, False) * ROUNDS:
            stream.settle()
            spent[real] += timed(run, meter, stream if real else repeat(batch), steps)
        waited = stream.waited - before
    count = ROUNDS * steps
    pixels = run.plan.recipe.data.batch * run.plan.recipe.data.crop**2
    return Speed(
        spent[True] / count,
        spent[False] / count,
        waited / spent[True],
        pixels,
        flops,
    )


def operations(run: Session, batch: Mapping[str, Tensor]) -> int:
    """What a step's forward and backward pass cost, floating-point operations."""
    # Its own code, as nothing that is compiled can be counted.
    eager = run.trainee.module if isinstance(run.trainee, Compiled) else run.trainee
    with FlopCounterMode(display=False) as counter, run.plan.runtime.autocast():
        torch.stack(list(eager(batch, 0.5).values())).sum().backward()  # type: ignore[no-untyped-call]
    run.optimiser.zero_grad()
    return counter.get_total_flops()


@contextmanager
def session(
    name: str, photos: str, runtime: device.Runtime, settings: list[str]
) -> Iterator[Session]:
    """A run that is about to begin, by its recipe's last stage, in a folder that does not stay."""
    task, _, recipe_name = name.partition("/")
    last = recipes.stages(recipes.load(task, recipe_name or None))[-1]
    recipe = recipes.apply(last.as_table(), settings)
    found = objective(recipe, *architecture(recipe)).collect([photos])
    if runtime.device.type == "cpu":
        device.keep_memory()
    with (
        tempfile.TemporaryDirectory() as folder,
        device.denormals_flushed(),
        fast_convolutions(runtime.device),
    ):
        plan = Plan(recipe, recipe, "benchmark", found, found[:2], Path(folder), runtime)
        yield assemble(plan, Heard())


class Heard(Unwatched):
    """Says what goes wrong, such as that a step cannot be compiled."""

    def warn(self, message: str) -> None:
        """One line."""
        sys.stderr.write(f"{message}\n")


def timed(run: Session, meter: Meter, batches: Batches | repeat[Batch], steps: int) -> float:
    """Seconds that so many steps take."""
    wait(run.plan.runtime.device)
    began = time.perf_counter()
    for _, batch in zip(range(steps), batches, strict=False):
        optimise(run, meter, batch, 0.5)
    wait(run.plan.runtime.device)
    return time.perf_counter() - began


def wait(where: torch.device) -> None:
    """Until the device has done all it was told."""
    if where.type == "cuda":
        torch.cuda.synchronize(where)


if __name__ == "__main__":
    main()
