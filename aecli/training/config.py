"""Recipes: TOML in, frozen dataclasses out; an unknown key is an error that names known ones."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aecli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECIPES = Path(__file__).parents[1] / "recipes"

LOSSES: Mapping[str, str] = {
    "l1": "crisp edges, outliers count little",
    "mse": "the highest PSNR, a little softer",
    "charbonnier": "L1 rounded off at zero, as crisp and calmer in flat areas",
}
"""The pixel losses, and what each makes of the picture."""

Section = TypeVar("Section")


@dataclass(frozen=True)
class DataConfig:
    """Which crops a run sees.

    Attributes:
        crop: side of the square crops, pixels.
        batch: crops a step, over all ranks and accumulation steps.
        grey: share of the crops turned grey, 0 to 1.
        shrink: share of the crops taken from a picture shrunk by a random factor of 1 to 2, 0 to 1.
        flips: whether crops are flipped and turned at random (the 8 symmetries of the square).
        holdout: share of the images kept for validation where none are named, 0 to 1.
        val_crop: side of the validation crops, pixels.
        val_limit: validation images at most.
        cache_mb: decoded images held in memory at most, MiB.
        workers: threads that decode and degrade.
    """

    crop: int = 96
    batch: int = 8
    grey: float = 0.15
    shrink: float = 0.3
    flips: bool = True
    holdout: float = 0.05
    val_crop: int = 192
    val_limit: int = 24
    cache_mb: int = 1536
    workers: int = 2


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are fitted.

    Attributes:
        lr: peak learning rate of AdamW.
        final_lr: learning rate at the end, as a share of the peak.
        warmup: share of the run in which the learning rate rises from zero.
        betas: AdamW's decay rates of the first and second moment.
        weight_decay: AdamW's decoupled weight decay.
        clip: largest norm of the gradient; 0 switches clipping off.
        ema: decay of the weights' moving average, bias-corrected; 0 switches it off.
        accumulate: micro-batches that a rank's share of a batch is cut into, to save memory.
        loss: the pixel loss.
    """

    lr: float = 1e-3
    final_lr: float = 1e-3
    warmup: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    clip: float = 1.0
    ema: float = 0.999
    accumulate: int = 1
    loss: str = "l1"


@dataclass(frozen=True)
class RunConfig:
    """How long a run takes and what it leaves behind.

    Attributes:
        steps: optimiser steps; ignored where the run is limited by time.
        seed: of the initial weights, the crops and the degradation.
        validate_every: steps between validations.
        save_every: seconds between saves of the resume state.
    """

    steps: int = 20_000
    seed: int = 0
    validate_every: int = 1000
    save_every: float = 180.0


@dataclass(frozen=True)
class About:
    """What the checkpoint's metadata say of the data.

    Attributes:
        data: name of the training set.
        licence: licence of the training set.
    """

    data: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run's weights, but for the images themselves.

    `model` and `objective` stay plain tables: the architecture's and the objective's own configs
    check them.
    """

    task: str
    model: Mapping[str, Any] = field(default_factory=dict)
    objective: Mapping[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)
    about: About = field(default_factory=About)

    def __post_init__(self) -> None:
        d, o, r = self.data, self.optim, self.run
        whole = {
            "data.crop": d.crop,
            "data.batch": d.batch,
            "data.val_crop": d.val_crop,
            "data.val_limit": d.val_limit,
            "data.workers": d.workers,
            "optim.accumulate": o.accumulate,
            "run.steps": r.steps,
            "run.validate_every": r.validate_every,
        }
        for name, value in whole.items():
            if value < 1:
                raise UsageError(f"{name} must be at least 1, not {value}")
        shares = {
            "data.grey": d.grey,
            "data.shrink": d.shrink,
            "data.holdout": d.holdout,
            "optim.final_lr": o.final_lr,
            "optim.warmup": o.warmup,
            "optim.ema": o.ema,
        }
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UsageError(f"{name} must lie between 0 and 1, not {share}")
        if o.lr <= 0:
            raise UsageError(f"optim.lr must be positive, not {o.lr}")

    def as_table(self) -> dict[str, Any]:
        """The recipe as plain TOML values."""
        table: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return table


def section(cls: type[Section], table: Mapping[str, Any], name: str) -> Section:
    """A dataclass from one TOML table.

    Raises:
        UsageError: an unknown key, or a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    for key, value in table.items():
        if key not in hints:
            raise UsageError(f"unknown key {name}.{key}", did_you_mean(key, hints))
        if not _fits(value, hints[key]):
            wanted = getattr(hints[key], "__name__", hints[key])
            raise UsageError(f"{name}.{key} must be {wanted}, not {value!r}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})


def _fits(value: object, hint: Any) -> bool:
    if typing.get_origin(hint) is tuple:
        inner = [a for a in typing.get_args(hint) if a is not Ellipsis]
        fixed = Ellipsis not in typing.get_args(hint)
        return (
            isinstance(value, list | tuple)
            and (not fixed or len(value) == len(inner))
            and all(_fits(v, inner[0]) for v in value)
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def from_table(table: Mapping[str, Any]) -> Recipe:
    """A recipe from a whole TOML document.

    Raises:
        UsageError: as `section`.
    """
    kinds = {"data": DataConfig, "optim": OptimConfig, "run": RunConfig, "about": About}
    parts: dict[str, Any] = {}
    for key, value in table.items():
        if key == "task":
            parts[key] = value
            continue
        if key not in kinds and key not in ("model", "objective"):
            raise UsageError(
                f"unknown section [{key}]", did_you_mean(key, [*kinds, "model", "objective"])
            )
        if not isinstance(value, dict):
            raise UsageError(f"{key} must be a section, not {value!r}")
        parts[key] = section(kinds[key], value, key) if key in kinds else value
    return Recipe(**parts)


def load(task: str, name_or_path: str | None, settings: Iterable[str] = ()) -> Recipe:
    """The recipe for a task: a file, one of aecli's own by name, or the defaults; then overrides.

    Args:
        task: `denoise`, ...
        name_or_path: a TOML file, or NAME for `recipes/{task}-{NAME}.toml`, or None.
        settings: overrides such as `optim.lr=3e-4`; values are TOML, anything else is a string.

    Raises:
        UsageError: there is no such recipe, it is not TOML, or it has unknown keys.
    """
    table: dict[str, Any] = {"task": task}
    if name_or_path is not None:
        path = Path(name_or_path)
        if path.suffix != ".toml":
            path = RECIPES / f"{task}-{name_or_path}.toml"
            if not path.is_file():
                known = [p.stem.removeprefix(f"{task}-") for p in RECIPES.glob(f"{task}-*.toml")]
                raise UsageError(
                    f"no recipe called {name_or_path!r}", did_you_mean(name_or_path, known)
                )
        try:
            table |= tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise UsageError(f"cannot read recipe {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not TOML: {error}") from None
        if table["task"] != task:
            raise UsageError(f"{path} is a recipe for {table['task']}, not for {task}")
    return apply(table, settings)


def apply(table: Mapping[str, Any], settings: Iterable[str]) -> Recipe:
    """A recipe from a whole TOML document, left as it is, with overrides (`optim.lr=3e-4`).

    Raises:
        UsageError: as `load`.
    """
    table = dict(table)
    for setting in settings:
        _override(table, setting)
    return from_table(table)


def _override(table: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    part, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        raise UsageError(
            f"--set takes SECTION.KEY=VALUE, not {setting!r}", "e.g. --set optim.lr=3e-4"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    # A fresh dict, not setdefault: the section may be shared with the recipe it came from.
    table[part] = {**table.get(part, {}), name: value}


def dumps(recipe: Recipe) -> str:
    """The recipe as TOML; `load` reads it back to an equal recipe."""
    table = recipe.as_table()
    lines = [f"task = {_toml(table.pop('task'))}"]
    for name, values in table.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A string, number, boolean or list: TOML writes them as JSON does, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
