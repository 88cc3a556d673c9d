"""The training loop, for every task. Read it once, top to bottom."""

from __future__ import annotations

import math
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from aecli.device import denormals_flushed, keep_memory
from aecli.errors import TrainingError
from aecli.training.folder import BEST, LAST
from aecli.training.meter import Meter
from aecli.training.observer import Unwatched
from aecli.training.session import assemble
from aecli.training.signals import stop_signals
from aecli.training.validation import Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from aecli.training.config import OptimConfig, Recipe
    from aecli.training.observer import Observer, Progress
    from aecli.training.plan import Opened, Plan
    from aecli.training.session import Session

REFRESH = 0.2
"""Seconds between two looks at the progress: reading the losses makes a GPU wait."""


@dataclass(frozen=True)
class Outcome:
    """How a stage ended: whether at its end, where its weights are, their metrics, its images.

    `warning` is what its last validation found wrong with the model.
    """

    finished: bool
    weights: Path
    progress: Progress
    metrics: Mapping[str, float]
    opened: Opened
    warning: str | None


def learning_rate(optim: OptimConfig, fraction: float) -> float:
    """Linear warm-up, then a cosine to `final_lr` (Loshchilov and Hutter 2017).

    `fraction` is the share of the run that is done, 0 to 1.
    """
    if fraction < optim.warmup:
        return optim.lr * max(fraction / optim.warmup, 1e-3)
    done = (fraction - optim.warmup) / max(1 - optim.warmup, 1e-9)
    cosine = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    return optim.lr * (optim.final_lr + (1 - optim.final_lr) * cosine)


def train(plan: Plan, observer: Observer) -> Outcome:
    """Run, or go on with, a training run.

    The run folder receives the recipe, `metrics.csv`, the curve of its losses, pictures of the
    validation, the resume state, and the best and last weights. SIGINT and SIGTERM save and end
    the run early.

    Raises:
        UsageError: the recipe does not fit the architecture or the ranks.
        TrainingError: no usable image, or a loss that is not finite.
    """
    run, ranks, device = plan.recipe.run, plan.ranks, plan.runtime.device
    listener = observer if ranks.first else Unwatched()
    session = assemble(plan, listener)
    meter = Meter(plan, session.step, session.seconds)
    shown = saved = time.monotonic()
    bad = math.inf
    if device.type == "cpu":
        keep_memory()
    with (
        denormals_flushed(),
        fast_convolutions(device),
        stop_signals() as stopped,
        closing(Validator(session, meter, listener)) as validator,
        session.batches() as stream,
    ):
        while True:
            # Ranks go by the first one's clock, and stop together.
            mine = [meter.fraction(), float(stopped.is_set()), bad]
            fraction, stop, bad = ranks.agree(mine, device)
            if fraction >= 1 or stop or bad < math.inf:
                break
            for group in session.optimiser.param_groups:
                group["lr"] = learning_rate(plan.recipe.optim, fraction)
            optimise(session, meter, next(stream), fraction)
            meter.waited = stream.waited

            if ranks.first:
                now = time.monotonic()
                show, save = now - shown > REFRESH, now - saved > run.save_every
                validate = validator.due()
                if show or save or validate:
                    bad = meter.bad_step()  # waits for the device, as all that follows
                if bad < math.inf:
                    continue
                if show:
                    listener.stepped(meter.progress(session.lr))
                    validator.stepped()
                    shown = now
                if validate:
                    validator.run()
                if save:
                    session.save_state(meter)
                    saved = now
        bad = min(bad, meter.bad_step())
        if bad < math.inf:
            raise _not_finite(plan, bad)
        finished = fraction >= 1
        if ranks.first:
            if finished:
                validator.run()
            else:  # no validation out of turn: resumed, the run must end as if it had never stopped
                session.save_weights(LAST, meter)
            session.save_state(meter)
    weights = kept(plan.recipe, plan.folder) if finished else plan.folder / LAST
    progress = meter.progress(session.lr)
    opened = replace(session.opened, validated=session.validated)
    return Outcome(finished, weights, progress, session.metrics, opened, session.warning)


def kept(recipe: Recipe, folder: Path) -> Path:
    """The weights that a finished run makes its model."""
    return folder / (BEST if recipe.run.keep == "best" else LAST)


def optimise(session: Session, meter: Meter, batch: Mapping[str, Tensor], fraction: float) -> None:
    """One optimiser step on a batch, when `fraction` of the run is done.

    Nothing here waits for the device: whether all was finite is told by `Meter.bad_step`.
    """
    plan, optim, scaler = session.plan, session.plan.recipe.optim, session.scaler
    losses: dict[str, Tensor] = {}
    for part in _micro_batches(batch, optim.accumulate):
        with plan.runtime.autocast():
            terms = session.trainee(part, fraction)
        total = torch.stack(list(terms.values())).sum() / optim.accumulate
        scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        for name, term in terms.items():
            losses[name] = losses.get(name, 0) + term.detach() / optim.accumulate
    scaler.unscale_(session.optimiser)
    norms = [
        nn.utils.clip_grad_norm_(part.parameters(), optim.clip or math.inf)
        for part in (session.module, session.opponent)
        if part is not None
    ]
    finite = torch.stack(list(losses.values())).isfinite().all()
    if not scaler.is_enabled():  # else the scaler itself skips steps that overflowed
        finite &= torch.stack(norms).isfinite().all()
    scaler.step(session.optimiser)
    scaler.update()
    session.optimiser.zero_grad(set_to_none=True)
    session.average.update()
    meter.watch(finite)
    meter.count(batch, losses)


def _not_finite(plan: Plan, step: float) -> TrainingError:
    return TrainingError(
        f"the loss is no longer finite at step {step:.0f}; the last good weights are in"
        f" {plan.folder}",
        f"resume with a lower learning rate: optim.lr={plan.recipe.optim.lr / 3:.1g}",
    )


@contextmanager
def fast_convolutions(device: torch.device) -> Iterator[None]:
    """Let cuDNN try which of its kernels is the fastest for each shape, on a GPU, for a while.

    Without TF32: the networks compute in bfloat16, but degradations are to be exact.
    """
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        yield


def _micro_batches(batch: Mapping[str, Tensor], parts: int) -> Iterator[dict[str, Tensor]]:
    for pieces in zip(*(v.chunk(parts) for v in batch.values()), strict=True):
        yield dict(zip(batch, pieces, strict=True))
