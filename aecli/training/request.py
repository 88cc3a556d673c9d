"""What a user asks of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOGS: Mapping[str, str] = {"tensorboard": "event files, for TensorBoard; needs that extra"}
"""Where else the course of a run may go, and what that is."""


@dataclass(frozen=True)
class RunRequest:
    """A training run as the user asks for it.

    Attributes:
        task: the command that the model will serve.
        data: image files and folders; folders are searched with all that is below them.
        name: what the model will be called.
        val: images for validation; None holds out a share of `data`.
        recipe: a TOML file or a recipe's name; None for the defaults.
        settings: overrides, `section.key=value`.
        steps, seconds: length of the run; at most one of them.
        seed, loss: overrides of `run.seed` and `optim.loss`.
        start: a model whose weights to start from; its objective, too, where no recipe has one.
        folder: the run folder; None for `AECLI_HOME/runs/TASK-NAME`.
        resume: go on from the run folder's state.
        overwrite: replace a run and a model of that name.
        log: one of `LOGS`, beside `metrics.csv`; None for none.
        device, precision: where and how to compute.
    """

    task: str
    data: Sequence[str]
    name: str
    val: Sequence[str] | None = None
    recipe: str | None = None
    settings: Sequence[str] = ()
    steps: int | None = None
    seconds: float | None = None
    seed: int | None = None
    loss: str | None = None
    start: str | None = None
    folder: Path | None = None
    resume: bool = False
    overwrite: bool = False
    log: str | None = None
    device: str = "auto"
    precision: str = "auto"
