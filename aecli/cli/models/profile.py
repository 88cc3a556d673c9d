"""What a model is, in the words and numbers that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aecli.checkpoints.format import Meta
    from aecli.checkpoints.store import Found
    from aecli.models.registry import ModelSpec

MOST = 8
"""Values of a list that are told; the file has all."""

WHOLE = ("recipe", "stages", "novelty")
"""What the file says of its training that is for programs to read."""


@dataclass(frozen=True)
class Profile:
    """What a model is built of, and costs.

    Attributes:
        spec: its architecture.
        parameters: number of weights.
        flops_per_pixel: floating-point operations, as `aecli.models.complexity` counts them.
        receptive_field: side of the square that a result depends on, pixels.
    """

    spec: ModelSpec
    parameters: int
    flops_per_pixel: int
    receptive_field: int


def profile(found: Found) -> Profile:
    """The network that a file describes; its weights are not read.

    Raises:
        ModelError: it fits no architecture.
    """
    from aecli.checkpoints.format import fitting, outline
    from aecli.models.complexity import measure

    spec, config = outline(found.path)
    with fitting(found.path):
        geometry = spec.geometry(config)
        cost = measure(spec, config, found.meta.task)
    return Profile(spec, cost.parameters, round(cost.flops_per_pixel), 2 * geometry.radius + 1)


def training(meta: Meta) -> dict[str, Any]:
    """What people are told of a training, the data first; steps and seconds of all stages."""
    known = {key: value for key, value in meta.training.items() if key not in WHOLE}
    stages = [*meta.training.get("stages", []), meta.training]
    if len(stages) > 1:
        known |= {key: sum(stage.get(key, 0) for stage in stages) for key in ("steps", "seconds")}
        known["steps of each stage"] = [stage.get("steps", 0) for stage in stages]
    return {"data": known.pop("data", ""), "licence of data": known.pop("licence", ""), **known}


def flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts by their dotted names, for people; those that say nothing are left out."""
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        elif value not in (None, "", []):
            yield prefix + key, text(value)


def text(value: Any) -> str:
    """A value for people: numbers with four digits, whole ones with all, lists not too long."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        more = f", ... ({len(value)} values)" if len(value) > MOST else ""
        return ", ".join(map(text, value[:MOST])) + more
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
