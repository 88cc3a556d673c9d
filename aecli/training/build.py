"""What a run starts from: an architecture, an objective, perhaps another model's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from aecli.errors import UsageError, did_you_mean
from aecli.models.blocks import ResidualBlock
from aecli.models.registry import Registry
from aecli.training import recipes
from aecli.training.muon import Muon
from aecli.training.objectives import OBJECTIVES

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from aecli.checkpoints.format import Model
    from aecli.models.registry import ModelSpec
    from aecli.training.config import OptimConfig, Recipe
    from aecli.training.objectives import Objective


def architecture(recipe: Recipe) -> tuple[ModelSpec, Any]:
    """The spec and config that a recipe's [model] names.

    Raises:
        UsageError: unknown settings, or an architecture of another task.
    """
    table = dict(recipe.model)
    name = table.pop("architecture", None) or recipes.default_architecture(recipe.task)
    names = {spec.name: spec for spec in Registry.discover().for_task(recipe.task)}
    if name not in names:
        raise UsageError(f"no architecture {name!r} for {recipe.task}", did_you_mean(name, names))
    spec = names[name]
    return spec, spec.configure(table)


def objective(recipe: Recipe, spec: ModelSpec, config: Any) -> Objective:
    """The objective that a recipe's [objective] names, or else the architecture's own.

    Raises:
        UsageError: there is no such objective, unknown settings, or values that do not suit them.
    """
    table = dict(recipe.objective)
    name = table.pop("name", spec.tasks[recipe.task])
    if name not in OBJECTIVES:
        raise UsageError(f"no objective {name!r}", did_you_mean(name, OBJECTIVES))
    return OBJECTIVES[name](table, recipe.optim.loss, config)


def optimiser(module: nn.Module, optim: OptimConfig, device: torch.device) -> torch.optim.Optimizer:
    """What fits the weights of `module` on a device, as a recipe's [optim] has it."""
    if optim.optimiser == "muon":
        return Muon(module, lr=optim.lr, betas=optim.betas, weight_decay=optim.weight_decay)
    return torch.optim.AdamW(
        [p for p in module.parameters() if p.requires_grad],
        lr=optim.lr,
        betas=optim.betas,
        weight_decay=optim.weight_decay,
        fused=device.type == "cuda" or None,
    )


def adopt(module: nn.Module, start: Model, warn: Callable[[str], None]) -> None:
    """Take over from `start` all weights that fit.

    Residual blocks of which it has nothing begin as the identity, so that a network that only grew
    deeper does what the other did (Net2DeeperNet, Chen et al. 2016). Whatever else does not fit
    keeps its random initialisation.
    """
    mine, theirs = module.state_dict(), start.module.state_dict()
    fitting = {k: v for k, v in theirs.items() if k in mine and mine[k].shape == v.shape}
    if not fitting:
        raise UsageError(f"none of the weights of {start.meta.tag} fit this architecture")
    module.load_state_dict({**mine, **fitting})
    grown = {
        f"{name}.{key}"
        for name, block in module.named_modules()
        if isinstance(block, ResidualBlock) and not any(k.startswith(f"{name}.") for k in theirs)
        for key in block.begin_as_identity()
    }
    random = mine.keys() - fitting.keys() - grown
    if random:
        warn(f"{len(random)} of {len(mine)} weight tensors start at random")
