"""All that a run holds while it goes on: weights, optimiser, images, and its place."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aecli.checkpoints import format as checkpoints
from aecli.device import Precision, is_out_of_memory
from aecli.errors import UsageError
from aecli.training import recipes
from aecli.training.batches import Batches
from aecli.training.build import adopt, architecture, objective, optimiser
from aecli.training.degradations.draws import Draws
from aecli.training.distributed import Ranks
from aecli.training.folder import BEST, LAST, METRICS, PICTURES, RECIPE, SAMPLES, prepare
from aecli.training.observer import Log, Progress, Unwatched, save_rows
from aecli.training.state import State, WeightAverage
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from aecli.checkpoints.format import Meta, Model
    from aecli.device import Runtime
    from aecli.training.config import Recipe
    from aecli.training.data import Batch
    from aecli.training.objectives import Objective
    from aecli.training.objectives.base import HeldOut, Score
    from aecli.training.observer import Observer


MADE_TOGETHER = 256
"""Samples that a GPU makes in one go, in as far as they are several steps'."""

FREE_VALIDATION = 5.0
"""Seconds that the validations of any run may take, whatever its share of them."""


@dataclass(frozen=True)
class Plan:
    """One call of the engine.

    Attributes:
        recipe: what to do.
        name: the model's name.
        train, val: images, as the objective has collected them.
        folder: the run folder; made, and cleared of an earlier run where this one starts afresh.
        runtime: device and precision.
        ranks: this process among its peers.
        seconds: length of the run where time limits it, None where `run.steps` does.
        resume: state to go on from.
        start: weights to start from.
        origin: the model that the user started from, for the checkpoint's metadata.
    """

    recipe: Recipe
    name: str
    train: Sequence[Any]
    val: Sequence[Any]
    folder: Path
    runtime: Runtime
    ranks: Ranks = field(default_factory=Ranks)
    seconds: float | None = None
    resume: State | None = None
    start: Model | None = None
    origin: str | None = None


class Trainee(nn.Module):
    """The model with its loss, as one module: what DistributedDataParallel wraps."""

    def __init__(self, module: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.module = module
        self._objective = objective

    def forward(self, batch: Mapping[str, Tensor], fraction: float) -> dict[str, Tensor]:
        """The terms of the loss."""
        return self._objective.loss(self.module, batch, fraction)


class Compiled(nn.Module):
    """A module compiled when it is first called; where that fails it runs as it is."""

    def __init__(self, module: nn.Module, warn: Callable[[str], None]) -> None:
        super().__init__()
        self.module = module
        self._warn = warn
        self._compiled: Callable[..., dict[str, Tensor]] | None = torch.compile(module)

    def forward(self, batch: Mapping[str, Tensor], fraction: float) -> dict[str, Tensor]:
        """As the module's."""
        if self._compiled is not None:
            try:
                return self._compiled(batch, fraction)
            except (RuntimeError, ImportError) as error:  # torch's compiler raises many kinds
                if is_out_of_memory(error):
                    raise
                line = str(error).strip().partition("\n")[0]
                self._warn(f"not compiled, trained as it is: {line}")
                self._compiled = None
        out: dict[str, Tensor] = self.module(batch, fraction)
        return out


class Session:
    """A run between its start (or resumption) and its end.

    Attributes:
        step: optimiser steps done.
        metrics: figures of the last validation.

    Raises:
        UsageError: the recipe does not fit the architecture, the ranks or the resumed weights, or
            the run folder cannot be used.
        TrainingError: there is no usable image.
    """

    def __init__(self, plan: Plan, observer: Observer) -> None:
        self.plan = plan
        self.recipe = plan.recipe
        self._observer = observer
        _check_shares(plan.recipe, plan.ranks)
        heard = observer if plan.ranks.first else Unwatched()

        self.spec, self._config = architecture(plan.recipe, plan.start)
        with torch.random.fork_rng():
            torch.manual_seed(self.recipe.run.seed)
            self.module = self.spec.build(self._config)
        self._origin = plan.origin
        if plan.start is not None:
            adopt(self.module, plan.start, heard.warn)
        device, optim = plan.runtime.device, self.recipe.optim
        self.objective = objective(self.recipe, self.spec, self._config)
        geometry = self.spec.geometry(self._config)
        self.source, self._held_out = self.objective.open(
            plan.train, plan.val, self.recipe, geometry, device, heard
        )
        _place(self.module, device)
        self.objective.begin(self.module, self.source)
        self.average = WeightAverage(self.module, optim.ema)
        self._shadow = plan.runtime.prepare(self.spec.build(self._config))
        self.optimiser = optimiser(self.module, optim, device)
        half = plan.runtime.precision is Precision.FP16
        self.scaler = torch.amp.GradScaler(device.type, enabled=half)

        self.step, self._spent, self._best = 0, 0.0, -math.inf
        if plan.resume is not None:
            self._restore(plan.resume)
            if plan.resume.files != self.source.names:
                heard.warn(
                    "the images have changed since this run was saved: it will not repeat exactly"
                )
        self.trainee: nn.Module = Trainee(self.module, self.objective)
        if self.recipe.run.compile and device.type == "cuda":
            self.trainee = Compiled(self.trainee, heard.warn)
        if plan.ranks.size > 1:
            self.trainee = DistributedDataParallel(self.trainee)
        self._first_step = self.step
        self._began = time.monotonic()
        self._terms: dict[str, Tensor] = {}
        self._summed = 0
        self._bad_step = torch.full((), math.inf, device=device)
        self._validating, self._last_validation, self._within = 0.0, 0.0, False
        self.metrics: Mapping[str, float] = {}
        if plan.ranks.first:
            prepare(plan.folder, afresh=plan.resume is None)
            self._log = Log(plan.folder / METRICS, self.step)
            (plan.folder / RECIPE).write_text(recipes.dumps(self.recipe), "utf-8")

    def batches(self) -> Batches:
        """This rank's batches from the present step on."""
        data, seed, ranks = self.recipe.data, self.recipe.run.seed, self.plan.ranks
        device = self.plan.runtime.device
        share = data.batch // ranks.size

        def make(steps: range) -> Batch:
            starts = np.array(steps)[:, None] * data.batch + ranks.rank * share
            draws = Draws(seed, (starts + np.arange(share)).ravel(), device)
            return self.objective.batch(self.source, draws)

        together = max(1, MADE_TOGETHER // data.batch) if device.type == "cuda" else 1
        return Batches(make, self.step, device, ahead=data.workers > 0, together=together)

    def seconds(self) -> float:
        """Time spent, over all sessions of the run."""
        return self._spent + time.monotonic() - self._began

    def fraction(self) -> float:
        """Share of the run that is done; 1 or more at its end."""
        if self.plan.seconds is not None:
            return self.seconds() / self.plan.seconds
        return self.step / self.recipe.run.steps

    def progress(self) -> Progress:
        """Where the run stands, to show it."""
        active = max(time.monotonic() - self._began, 1e-6)
        return Progress(
            step=self.step,
            fraction=min(self.fraction(), 1.0),
            seconds=self.seconds(),
            losses={k: float(v) / max(self._summed, 1) for k, v in self._terms.items()},
            images_per_second=(self.step - self._first_step) * self.recipe.data.batch / active,
            lr=self.optimiser.param_groups[0]["lr"],
        )

    def count(self, losses: Mapping[str, Tensor], finite: Tensor) -> None:
        """Take a step's loss into the averages that `progress` shows, and whether it is finite.

        Nothing here waits for the device.
        """
        self._terms = {k: self._terms.get(k, 0) + v for k, v in losses.items()}
        self._summed += 1
        bad = torch.where(finite, math.inf, float(self.step))
        self._bad_step = torch.minimum(self._bad_step, bad)

    def bad_step(self) -> float:
        """The first step whose loss or gradient was not finite, infinity without any."""
        return float(self._bad_step)

    def due(self) -> bool:
        """Whether it is time for a validation, and the run's share of it is not yet used up."""
        run = self.recipe.run
        if self.step % run.validate_every or self.fraction() >= 1:
            return False
        spent = self._validating + self._last_validation
        return spent <= max(FREE_VALIDATION, run.validate_share * self.seconds())

    def validate(self) -> None:
        """Score the averaged weights and save them, also as the best if they are."""
        began = time.monotonic()
        self._shadow.load_state_dict(self.average.weights)
        if self.plan.seconds is not None and not self._within:
            self._limit_validation(self.recipe.run.validate_share * self.plan.seconds)
        score = self._scored(self._held_out)
        self.metrics = score.metrics
        improved = self.metrics[self.objective.primary] > self._best
        if improved:
            self._best = self.metrics[self.objective.primary]
            self.save_weights(BEST)
        self.save_weights(LAST)
        save_rows(self.plan.folder / PICTURES, score.rows)
        save_rows(self.plan.folder / SAMPLES, score.samples)
        progress = self.progress()
        self._log.write(progress, self.metrics)
        self._observer.validated(progress, self.metrics, improved)
        self._terms, self._summed = {}, 0
        self._last_validation = time.monotonic() - began
        self._validating += self._last_validation

    def _scored(self, held_out: HeldOut) -> Score:
        device = self.plan.runtime.device
        with torch.inference_mode(), self.plan.runtime.autocast():
            return self.objective.validate(self._shadow, held_out, device)

    def _limit_validation(self, seconds: float) -> None:
        """Keep as many held-out images as are validated in so many seconds."""
        count = len(self._held_out)
        for _ in range(2):  # the first time includes what is done once
            began = time.monotonic()
            self._scored(self._held_out[:1])
            each = time.monotonic() - began
            if each * count <= seconds:
                break
        step = min(math.ceil(each * count / seconds), count) if seconds else count
        self._held_out = self._held_out[:: max(1, step)]
        self._within = True

    def save_weights(self, name: str) -> None:
        """Write the averaged weights as a model, in the form it is published in."""
        checkpoints.save(self.plan.folder / name, self.average.weights, self._meta())

    def save_state(self) -> None:
        """Write what `--resume` needs."""
        State(
            step=self.step,
            seconds=self.seconds(),
            best=self._best,
            origin=self._origin,
            recipe=self.recipe.as_table(),
            files=self.source.names,
            module=self.module.state_dict(),
            average=self.average.weights,
            updates=self.average.updates,
            optimiser=self.optimiser.state_dict(),
            scaler=self.scaler.state_dict(),
            limit=self.plan.seconds,
        ).save(self.plan.folder)

    def _restore(self, state: State) -> None:
        self.step, self._spent, self._best = state.step, state.seconds, state.best
        self._origin = state.origin
        try:
            self.module.load_state_dict(state.module)
        except RuntimeError:
            raise UsageError(
                "the saved weights do not fit this architecture", "resume without --set model...."
            ) from None
        self.average.load(state.average, state.updates)
        try:
            self.optimiser.load_state_dict(state.optimiser)
        except ValueError:
            raise UsageError(
                "the saved state is of another optimiser", "resume without --set optim.optimiser"
            ) from None
        self.scaler.load_state_dict(state.scaler)

    def _meta(self) -> Meta:
        facts: dict[str, Any] = {
            **asdict(self.recipe.about),
            **self.objective.facts().as_table(),
            "images": len(self.source),
            "steps": self.step,
            "seconds": round(self.seconds()),
            "seed": self.recipe.run.seed,
            "from": self._origin,
            "recipe": self.recipe.as_table(),
        }
        return checkpoints.Meta(
            architecture=self.spec.name,
            config=asdict(self._config),
            task=self.recipe.task,
            tag=self.plan.name,
            training=facts,
            metrics=dict(self.metrics),
            version=__version__,
        )


def _check_shares(recipe: Recipe, ranks: Ranks) -> None:
    batch, parts = recipe.data.batch, ranks.size * recipe.optim.accumulate
    if batch % parts:
        raise UsageError(
            f"data.batch = {batch} cannot be shared among {ranks.size} ranks"
            f" x {recipe.optim.accumulate} accumulation steps"
        )


def _place(module: nn.Module, device: torch.device) -> None:
    module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
