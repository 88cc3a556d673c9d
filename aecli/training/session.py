"""All that a run holds while it goes on, assembled: weights, optimiser, images."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from aecli import cores
from aecli.checkpoints import format as checkpoints
from aecli.device import Precision
from aecli.errors import UsageError
from aecli.training import recipes
from aecli.training.batches import Batches
from aecli.training.build import adopt, architecture, objective, optimiser
from aecli.training.config import About
from aecli.training.degradations.draws import Draws
from aecli.training.folder import RECIPE, prepare
from aecli.training.objectives.trainable import Contested
from aecli.training.plan import Opened
from aecli.training.state import State, WeightAverage
from aecli.training.trainee import Compiled, Trainee
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.checkpoints.format import Meta
    from aecli.models.registry import ModelSpec
    from aecli.training.config import Recipe
    from aecli.training.data import Batch
    from aecli.training.distributed import Ranks
    from aecli.training.meter import Meter
    from aecli.training.objectives import Objective
    from aecli.training.observer import Observer
    from aecli.training.plan import Plan


MADE_TOGETHER, MADE_BY_GPU = 128, 256
"""Samples that a thread makes in one go, in as far as they are several steps'; of crops larger
than `USUAL` fewer, where no GPU makes them."""

USUAL = 128
"""Side of a crop, pixels: larger ones gain nothing from being many."""

FEW_CORES = 2
"""So few, if all of them train, are hindered by a thread beside them: whatever it takes from one
of them, the others wait for at the next barrier, and longer. Measured on two. So they train and
make batches in turns."""


@dataclass(eq=False)
class Session:
    """A run's parts, from its start or resumption to its end.

    Attributes:
        plan: what to do.
        spec, config: the architecture.
        module: what is trained.
        opponent: what is trained beside it, against it; None where the objective wants none.
        trainee: the same with its loss, perhaps compiled and distributed.
        shadow: a second module, for the averaged weights in validation.
        objective: what the task asks of it.
        opened: images, to train on (`source`) and to validate on (`held_out`).
        average: the averaged weights.
        optimiser: what changes the weights.
        scaler: keeps small gradients of fp16 from vanishing.
        best: the primary metric of the best weights so far.
        metrics: figures of the last validation.
        warning: what it found wrong with the model.
        origin: the model that the user started from.
        validated: how many of the images held out validations look at: the same ones through a run,
            so that its figures compare; 0 where that is not settled yet.
        step, seconds: steps done and time spent before this session.
    """

    plan: Plan
    spec: ModelSpec
    config: Any
    module: nn.Module
    opponent: nn.Module | None
    trainee: nn.Module
    shadow: nn.Module
    objective: Objective
    opened: Opened
    average: WeightAverage
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    origin: str | None
    best: float = -math.inf
    metrics: Mapping[str, float] = field(default_factory=dict)
    warning: str | None = None
    validated: int = 0
    step: int = 0
    seconds: float = 0.0

    @property
    def lr(self) -> float:
        """The learning rate."""
        rate: float = self.optimiser.param_groups[0]["lr"]
        return rate

    def batches(self) -> Batches:
        """This rank's batches from the first step on."""
        recipe, ranks, device = self.plan.recipe, self.plan.ranks, self.plan.runtime.device
        whole = recipe.data.batch
        share = whole // ranks.size

        def make(steps: range) -> Batch:
            starts = np.array(steps)[:, None] * whole + ranks.rank * share
            numbers = (starts + np.arange(share)).ravel()
            return self.objective.batch(self.opened.source, Draws(recipe.run.seed, numbers, device))

        beside, crowded = recipe.data.workers > 0, device.type == "cpu" and _crowded()
        shared = torch.get_num_threads() if beside and crowded else 1
        fewer = USUAL**2 / max(USUAL, recipe.data.crop) ** 2
        each = MADE_BY_GPU if device.type == "cuda" else int(MADE_TOGETHER * fewer)
        return Batches(
            make,
            self.step,
            device,
            ahead=beside and not crowded,
            shared=shared,
            together=max(1, shared * each // whole),
        )

    def save_weights(self, name: str, meter: Meter) -> None:
        """Write the averaged weights as a model, in the form it is published in."""
        checkpoints.save(self.plan.folder / name, self.average.weights, self._meta(meter))

    def save_state(self, meter: Meter) -> None:
        """Write what `--resume` needs."""
        State(
            step=meter.step,
            seconds=meter.seconds(),
            best=self.best,
            origin=self.origin,
            recipe=self.plan.whole.as_table(),
            files=self.opened.source.names,
            module=self.module.state_dict(),
            average=self.average.weights,
            updates=self.average.updates,
            optimiser=self.optimiser.state_dict(),
            scaler=self.scaler.state_dict(),
            limit=self.plan.limit,
            validated=self.validated,
            earlier=list(self.plan.earlier),
            opponent=None if self.opponent is None else self.opponent.state_dict(),
        ).save(self.plan.folder)

    def restore(self, state: State) -> None:
        """Go on from a saved state.

        Raises:
            UsageError: it does not fit.
        """
        self.step, self.seconds, self.best = state.step, state.seconds, state.best
        self.origin, self.validated = state.origin, state.validated
        try:
            self.module.load_state_dict(state.module)
            if self.opponent is not None:
                self.opponent.load_state_dict(state.opponent or {})
        except RuntimeError:
            raise UsageError(
                "the saved weights do not fit this architecture",
                "resume without changes of model",
            ) from None
        self.average.load(state.average, state.updates)
        try:
            self.optimiser.load_state_dict(state.optimiser)
        except ValueError:
            raise UsageError(
                "the saved state is of another optimiser", "resume without another optim.optimiser"
            ) from None
        self.scaler.load_state_dict(state.scaler)

    def _meta(self, meter: Meter) -> Meta:
        recipe = self.plan.recipe
        facts: dict[str, Any] = {
            **asdict(recipe.about),
            **self.objective.facts().as_table(),
            "images": len(self.opened.source),
            "validated": self.validated,
            "steps": meter.step,
            "seconds": round(meter.seconds()),
            "seed": recipe.run.seed,
            "from": self.origin,
            "recipe": recipe.as_table(),
            "stages": list(self.plan.earlier),
        }
        return checkpoints.Meta(
            architecture=self.spec.name,
            config=asdict(self.config),
            task=recipe.task,
            tag=self.plan.name,
            training=facts,
            metrics=dict(self.metrics),
            version=__version__,
        )


def assemble(plan: Plan, observer: Observer) -> Session:
    """Make all that a run needs, and its folder.

    Raises:
        UsageError: the recipe does not fit the architecture, the ranks or the resumed weights, or
            the run folder cannot be used.
        TrainingError: there is no usable image.
    """
    recipe, device = plan.recipe, plan.runtime.device
    _check_shares(recipe, plan.ranks)
    spec, config = architecture(recipe)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.run.seed)
        module = spec.build(config)
        task = objective(recipe, spec, config)
        opponent = task.opponent() if isinstance(task, Contested) else None
    if plan.start is not None:
        adopt(module, plan.start, observer.warn)
    key, opened = task.opening(recipe), plan.opened
    if opened is None or opened.key != key:
        geometry = spec.geometry(config)
        opened = Opened(key, *task.open(plan.train, plan.val, recipe, geometry, device, observer))
    about = recipe.about
    if about.images and about.images != len(opened.source):
        observer.note(f"nothing is said of the images: the recipe's [about] is of {about.images}")
        plan = replace(plan, recipe=replace(recipe, about=About()))
    for part in (module, opponent):
        if part is not None:
            _place(part, device)
    task.begin(module, opened.source)
    trainee: nn.Module = Trainee(module, task, opponent)
    fitted = optimiser(trainee, recipe.optim, device)
    if recipe.run.compile and device.type == "cuda":
        trainee = Compiled(trainee, observer.warn)
    if plan.ranks.size > 1:
        trainee = DistributedDataParallel(trainee)
    half = plan.runtime.precision is Precision.FP16
    session = Session(
        plan=plan,
        spec=spec,
        config=config,
        module=module,
        opponent=opponent,
        trainee=trainee,
        shadow=plan.runtime.prepare(spec.build(config)),
        objective=task,
        opened=opened,
        average=WeightAverage(module, recipe.optim.ema),
        optimiser=fitted,
        scaler=torch.amp.GradScaler(device.type, enabled=half),
        origin=plan.origin,
        validated=opened.validated,
    )
    if plan.resume is not None:
        session.restore(plan.resume)
        if plan.resume.files != opened.source.names:
            observer.warn(
                "the images have changed since this run was saved: it will not repeat exactly"
            )
    if plan.ranks.first:
        prepare(plan.folder, afresh=plan.resume is None)
        (plan.folder / RECIPE).write_text(recipes.dumps(plan.whole), "utf-8")
    return session


def _check_shares(recipe: Recipe, ranks: Ranks) -> None:
    batch, parts = recipe.data.batch, ranks.size * recipe.optim.accumulate
    if batch % parts:
        raise UsageError(
            f"data.batch = {batch} cannot be shared among {ranks.size} ranks"
            f" x {recipe.optim.accumulate} accumulation steps"
        )


def _place(module: nn.Module, device: torch.device) -> None:
    module.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _crowded() -> bool:
    """Whether a thread that makes batches would hinder those that train."""
    return cores.usable() <= torch.get_num_threads() <= FEW_CORES
