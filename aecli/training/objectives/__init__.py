"""What each task asks of its model: how a clean crop becomes a sample, the loss, and the score.

One module a task. The engine knows nothing of tasks; the architecture's spec names the objective.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aecli.training.objectives.adversarial import Adversarial
from aecli.training.objectives.base import Objective, Score
from aecli.training.objectives.contrastive import Contrastive
from aecli.training.objectives.denoise import Denoise
from aecli.training.objectives.flow import flow
from aecli.training.objectives.melody import melody
from aecli.training.objectives.upscale import Upscale
from aecli.training.objectives.vae import Variational

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["OBJECTIVES", "Objective", "Score"]

OBJECTIVES: Mapping[str, Callable[[Mapping[str, Any], str, Any], Objective]] = {
    "denoise": Denoise,
    "upscale": Upscale,
    "adversarial": Adversarial,
    "vae": Variational,
    "flow": flow,
    "contrastive": Contrastive,
    "melody": melody,
}
"""A recipe's [objective], the name of its pixel loss, the model's config -> the objective."""
