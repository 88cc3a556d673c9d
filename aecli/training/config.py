"""Recipes: TOML in, frozen dataclasses out; an unknown key is an error that names known ones."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError, did_you_mean
from aecli.tables import section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECIPES = Path(__file__).parents[1] / "recipes"

LOSSES: Mapping[str, str] = {
    "l1": "crisp edges, outliers count little",
    "mse": "the highest PSNR, a little softer",
    "charbonnier": "L1 rounded off at zero, as crisp and calmer in flat areas",
    "bce": "values as probabilities of white, for the digits and shapes of a VAE alone",
}
"""The pixel losses, and what each makes of the picture."""


@dataclass(frozen=True)
class DataConfig:
    """Which images a run sees, and how: what says crop is for restoration alone.

    Attributes:
        crop: side of the square crops, pixels.
        batch: images a step, over all ranks and accumulation steps.
        grey: share of the crops turned grey, 0 to 1.
        shrink: share of the crops taken from a picture shrunk by a random factor of 1 to 2, 0 to 1.
        candidates: crops drawn from a picture for each that is used, the most detailed one; more
            than one keeps skies and walls from filling the batches.
        flips: whether crops are flipped and turned at random (the 8 symmetries of the square);
            generative models see whole pictures, and those mirrored left to right beside them.
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
    candidates: int = 1
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
        optimiser: `adamw`, or `muon`, which goes further in as many steps where a network has
            wide layers (64 channels or more).
        lr: peak learning rate.
        final_lr: learning rate at the end, as a share of the peak.
        warmup: share of the run in which the learning rate rises from zero.
        betas: Adam's decay rates of the first and second moment.
        weight_decay: decoupled weight decay.
        clip: largest norm of the gradient; 0 switches clipping off.
        ema: decay of the weights' moving average, bias-corrected; 0 switches it off.
        accumulate: micro-batches that a rank's share of a batch is cut into, to save memory.
        loss: the pixel loss.
    """

    optimiser: str = "adamw"
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
        share: what the first of two stages takes of a time or number of steps asked for both.
        keep: the weights that become the model, `best` by their validation or `last`.
        seed: of the initial weights, the crops and the degradation.
        validate_every: steps between validations.
        save_every: seconds between saves of the resume state.
    """

    steps: int = 20_000
    share: float = 0.5
    keep: str = "best"
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


_LIMITS: Mapping[tuple[float, float], tuple[str, ...]] = {
    (1, math.inf): (
        "data.crop",
        "data.batch",
        "data.candidates",
        "data.val_crop",
        "data.val_limit",
        "data.workers",
        "optim.accumulate",
        "run.steps",
        "run.validate_every",
    ),
    (0, math.inf): (
        "data.cache_mb",
        "optim.weight_decay",
        "optim.clip",
        "run.seed",
        "run.save_every",
    ),
    (0, 1): (
        "data.grey",
        "data.shrink",
        "data.holdout",
        "optim.final_lr",
        "optim.warmup",
        "optim.ema",
    ),
}
"""The least and the largest sensible value of a recipe's keys."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run's weights, but for the images themselves.

    `model` and `objective` stay plain tables: the architecture's and the objective's own configs
    check them. `second`, where it is not empty, says what a second stage, which starts from the
    first one's weights, does otherwise: `section.key` -> value.
    """

    task: str
    model: Mapping[str, Any] = field(default_factory=dict)
    objective: Mapping[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)
    about: About = field(default_factory=About)
    second: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (least, most), names in _LIMITS.items():
            rule = f"be at least {least}" if most == math.inf else f"lie between {least} and {most}"
            for name in names:
                part, _, key = name.partition(".")
                value = getattr(getattr(self, part), key)
                if not least <= value <= most:
                    raise UsageError(f"{name} must {rule}, not {value}")
        o = self.optim
        if o.optimiser not in OPTIMISERS:
            raise UsageError(
                f"unknown optimiser {o.optimiser!r}", did_you_mean(o.optimiser, OPTIMISERS)
            )
        if not 0 < o.lr < math.inf:
            raise UsageError(f"optim.lr must be positive, not {o.lr}")
        if not all(0 <= beta < 1 for beta in o.betas):
            raise UsageError(f"optim.betas must be below 1, not {list(o.betas)}")

        if not 0 < self.run.share < 1:
            raise UsageError(f"run.share must lie between 0 and 1, not {self.run.share}")
        if self.run.keep not in KEPT:
            raise UsageError(
                f"run.keep cannot be {self.run.keep!r}", did_you_mean(self.run.keep, KEPT)
            )

    def stages(self) -> list[Recipe]:
        """The recipe of each stage: this one, and what `second` makes of it.

        Raises:
            UsageError: `second` has unknown keys, or changes the model.
        """
        if not self.second:
            return [self]
        table = self.as_table() | {"second": {}}
        for key, value in self.second.items():
            if key.startswith("model."):
                raise UsageError(f"second.{key}: both stages have one model")
            _set(table, key, value)
        return [self, from_table(table)]

    def as_table(self) -> dict[str, Any]:
        """The recipe as plain TOML values."""
        table: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return table


KINDS: Mapping[str, type[Any]] = {
    "data": DataConfig,
    "optim": OptimConfig,
    "run": RunConfig,
    "about": About,
}
SECTIONS = ("model", "objective", *KINDS, "second")
KEPT = ("best", "last")
OPTIMISERS = ("adamw", "muon")


def from_table(table: Mapping[str, Any]) -> Recipe:
    """A recipe from a whole TOML document.

    Raises:
        UsageError: as `section`.
    """
    parts = {name: _subtable(table, name) for name in table if name != "task"}
    if "second" in parts:
        parts["second"] = _flat(parts["second"])
    filled: dict[str, Any] = {
        k: section(KINDS[k], v, k) if k in KINDS else v for k, v in parts.items()
    }
    return Recipe(table["task"], **filled)


def _subtable(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The section `name` of a TOML document, empty where it is left out."""
    if name not in SECTIONS:
        raise UsageError(f"unknown section [{name}]", did_you_mean(name, SECTIONS))
    values = table.get(name, {})
    if not isinstance(values, dict):
        raise UsageError(f"{name} must be a section, not {values!r}")
    return values


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """`{"optim": {"lr": 1}}`, as TOML reads `optim.lr = 1`, to `{"optim.lr": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return flat


def load(task: str, name_or_path: str | None, settings: Iterable[str] = ()) -> Recipe:
    """The recipe for a task: a file, one of aecli's own by name, or the defaults; then overrides.

    Args:
        task: `denoise`, ...
        name_or_path: a TOML file, or NAME for `recipes/{task}-{NAME}.toml`, or None: the task's own
            defaults, `recipes/{task}.toml`, where there are any.
        settings: overrides such as `optim.lr=3e-4`; values are TOML, anything else is a string.

    Raises:
        UsageError: there is no such recipe, it is not TOML, or it has unknown keys.
    """
    import tomllib  # here, as the help pages need none of it

    table: dict[str, Any] = {"task": task}
    default = RECIPES / f"{task}.toml"
    if name_or_path is None and default.is_file():
        name_or_path = str(default)
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
    import tomllib

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
    _set(table, f"{part}.{name}", value)


def _set(table: dict[str, Any], key: str, value: Any) -> None:
    part, _, name = key.partition(".")
    # A fresh dict, not setdefault: the section may be shared with the recipe it came from.
    table[part] = {**_subtable(table, part), name: value}


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
