"""The smallest model, the same with every version of torch and numpy, and the shortest training."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

SETTINGS = (
    "model.preset=tiny",
    "data.crop=32",
    "data.batch=4",
    "data.val_crop=32",
    "data.val_limit=2",
    "run.validate_every=4",
    "run.validate_share=1.0",
)
"""Overrides under which a step takes milliseconds, and validation may take as long as it takes."""


def weights(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """Random weights for a module, uniform within 1/sqrt(fan-in), biases within 0.05.

    Only the raw bits of a generator are promised to stay as they are; so they are used.
    """
    import torch

    bits = np.random.PCG64(seed)
    state = {}
    for name, old in sorted(module.state_dict().items()):
        bound = 0.05 if old.ndim == 1 else (old.shape[0] / old.numel()) ** 0.5
        unit = bits.random_raw(prod(old.shape)) / 2.0**63 - 1
        state[name] = torch.from_numpy((bound * unit).astype(np.float32)).reshape(old.shape)
    return state


def upscalers(folder: Path, family: str = "tiny", degradation: str = "bicubic") -> None:
    """Write a family of upscalers with random weights, which add a little to the bicubic."""
    from aecli.checkpoints import format as checkpoints
    from aecli.models.upscaler import SCALES, SPEC

    folder.mkdir(parents=True, exist_ok=True)
    for scale in SCALES:
        config = {"scale": scale, "widths": [16, 24], "blocks": [1, 1]}
        state = weights(SPEC.build(SPEC.configure(config)), seed=scale)
        for part in ("tail.weight", "tail.bias"):
            state[part] *= 0.02
        tag = f"{family}-x{scale}"
        training = {"data": "none", "degradation": degradation}
        meta = checkpoints.Meta("upscaler", config, "upscale", tag, training)
        checkpoints.save(folder / f"upscale-{tag}.safetensors", state, meta)


def denoiser(folder: Path, name: str = "tiny", seed: int = 7) -> Path:
    """Write a denoiser with random weights, which changes every pixel a little; its file."""
    from aecli.checkpoints import format as checkpoints
    from aecli.models.unet import SPEC

    folder.mkdir(parents=True, exist_ok=True)
    state = weights(SPEC.build(SPEC.presets["tiny"]), seed)
    state["tail.weight"] *= 0.15
    path = folder / f"denoise-{name}.safetensors"
    training = {"data": "none", "sigma_max": 75}
    meta = checkpoints.Meta("unet", {"preset": "tiny"}, "denoise", name, training)
    checkpoints.save(path, state, meta)
    return path


def models(folder: Path) -> list[Path]:
    """Write a model of every kind that works on pictures, called `tiny`; their files."""
    import torch

    from aecli.checkpoints import format as checkpoints
    from aecli.models.vae import SPEC

    upscalers(folder)
    denoiser(folder)
    config = {"size": 16, "channels": 1, "latent": 4, "widths": [8, 16], "hidden": 16}
    for task, variational in (("embed", False), ("generate", True)):
        whole = config | {"variational": variational}
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            state = SPEC.build(SPEC.configure(whole)).state_dict()
        meta = checkpoints.Meta("vae", whole, task, "tiny", {"data": "none"})
        checkpoints.save(folder / f"{task}-tiny.safetensors", state, meta)
    return sorted(folder.glob("*.safetensors"))
