"""Validation: when, on how many images, and what it leaves in the run folder."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import torch

from aecli.training.folder import BEST, LAST, copy
from aecli.training.history import History

if TYPE_CHECKING:
    from aecli.training.meter import Meter
    from aecli.training.objectives.base import HeldOut, Score
    from aecli.training.observer import Observer
    from aecli.training.session import Session

FREE = 5.0
"""Seconds that the validations of any run may take, whatever its share of them."""


class Validator:
    """Scores the averaged weights of a run now and then, within its share of the time.

    Args:
        session: the run.
        meter: its steps and its time.
        observer: who is told.
    """

    def __init__(self, session: Session, meter: Meter, observer: Observer) -> None:
        self._session, self._meter, self._observer = session, meter, observer
        if session.plan.seconds is None:
            session.validated = len(session.opened.held_out)
        plan = session.plan
        log = plan.log if plan.ranks.first else None
        self._history = History(plan.folder, meter.step, session.objective.primary, log)
        self._last = 0.0

    def stepped(self) -> None:
        """Take in the losses since the last time, for their curve."""
        self._history.trained(self._meter.step, self._meter.recent())

    def due(self) -> bool:
        """Whether it is time for one, and the run's share of it is not yet used up."""
        run, meter = self._session.plan.recipe.run, self._meter
        if meter.step % run.validate_every or meter.fraction() >= 1:
            return False
        return meter.validating + self._last <= max(FREE, run.validate_share * meter.seconds())

    def run(self) -> None:
        """Score the averaged weights and save them, also as the best if they are."""
        session, meter = self._session, self._meter
        began = time.monotonic()
        session.shadow.load_state_dict(session.average.weights)
        whole = session.opened.held_out
        if not session.validated:
            session.validated = self._affordable(whole)
        score = self._score(_spread(whole, session.validated))
        session.metrics = score.metrics
        if score.warning is not None and session.warning is None:
            self._observer.warn(score.warning)
        session.warning = score.warning
        session.save_weights(LAST, meter)
        improved = score.metrics[session.objective.primary] > session.best
        if improved:
            session.best = score.metrics[session.objective.primary]
            copy(session.plan.folder / LAST, session.plan.folder / BEST)
        self.stepped()
        self._history.show(meter.step, score)
        self._last = time.monotonic() - began
        meter.validating += self._last
        progress = meter.progress(session.lr)
        self._history.validated(progress, score.metrics)
        self._observer.validated(progress, score.metrics, improved)
        meter.forget_losses()

    def close(self) -> None:
        """Write what is left to write of the run's course."""
        self._history.close()

    def _score(self, held_out: HeldOut) -> Score:
        session, runtime = self._session, self._session.plan.runtime
        with torch.inference_mode(), runtime.autocast():
            return session.objective.validate(session.shadow, held_out, runtime.device)

    def _affordable(self, held_out: HeldOut) -> int:
        """In a run limited by time: how many images can be validated in its share of it."""
        plan, count = self._session.plan, len(held_out)
        assert plan.seconds is not None
        seconds = plan.recipe.run.validate_share * plan.seconds
        for _ in range(2):  # the first time includes what is done once
            began = time.monotonic()
            self._score(held_out[:1])
            each = time.monotonic() - began
            if each * count <= seconds:
                break
        return len(_spread(held_out, max(1, min(count, math.floor(seconds / each)))))


def _spread(held_out: HeldOut, count: int) -> HeldOut:
    """At most `count` of the images, evenly spaced; given how many these are, the same again."""
    return held_out[:: -(-len(held_out) // count)]
