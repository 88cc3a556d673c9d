"""A model's card, Markdown, written from what its file says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aecli.checkpoints import store
from aecli.checkpoints.format import fitting, outline
from aecli.checkpoints.header import is_name
from aecli.errors import UsageError
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aecli.checkpoints.store import Found
    from aecli.models.registry import ModelSpec

MOST = 8
"""Values of a list that are told; the file has all."""

WHOLE = ("recipe", "stages", "novelty")
"""What the file says of its training that is for programs to read."""

_DOES = {
    "denoise": ("image-to-image", "aecli denoise photo.jpg -m {}"),
    "upscale": ("image-to-image", "aecli upscale photo.jpg -m {}"),
    "generate": ("unconditional-image-generation", "aecli generate new.png -m {}"),
    "embed": ("image-feature-extraction", "aecli embed photos/ -o vectors.npz -m {}"),
}
"""The hub's word for each task, and how a model of it is used."""


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
    from aecli.models.complexity import measure

    spec, config = outline(found.path)
    with fitting(found.path):
        geometry = spec.geometry(config)
        cost = measure(spec, config, found.meta.task)
    return Profile(spec, cost.parameters, round(cost.flops_per_pixel), 2 * geometry.radius + 1)


def write(found: Found, place: str, licence: str | None = None) -> str:
    """The card: what the model is, how it is used, trained and measured.

    Args:
        found: the model.
        place: where `aecli models add` finds it.
        licence: of the weights, as the hub writes it: `apache-2.0`, `cc-by-4.0`, ...

    Raises:
        UsageError: the licence is not written so.
        ModelError: as `profile`.
    """
    if licence is not None and not is_name(licence):
        raise UsageError(
            f"{licence!r} is not a licence as the hub writes it",
            "those are apache-2.0, mit, cc-by-4.0, cc0-1.0, ... or other",
        )
    meta, built = found.meta, profile(found)
    tag, use = _DOES.get(meta.task, ("other", f"aecli {meta.task} -m {{}}"))
    name = "" if meta.tag == found.name else f" --name {found.name}"
    what = {
        "architecture": f"`{meta.architecture}`: {built.spec.summary}",
        **{f"`{key}`": value for key, value in meta.config.items()},
        "parameters": built.parameters,
        "FLOPs a pixel": built.flops_per_pixel,
        "receptive field, pixels": built.receptive_field,
        "licence of the weights": licence,
        "sha256": f"`{store.sha256(found.path)}`",
    }
    training = {key: value for key, value in meta.training.items() if key not in WHOLE}
    if "licence" in training:
        training["licence of the data"] = training.pop("licence")
    lines = [
        "---",
        *([f"license: {licence}"] if licence else []),
        "library_name: aecli",
        f"pipeline_tag: {tag}",
        "tags:",
        *(f"- {word}" for word in ("aecli", "autoencoder", meta.task)),
        "---",
        "",
        f"# {meta.task}-{found.name}",
        "",
        f"A model for `aecli {meta.task}`.",
        "",
        "```sh",
        f"aecli models add {place}{name}",
        use.format(found.name),
        "```",
        "",
        *_table(flat(what)),
        "",
        "## Training",
        "",
        *_table(flat(training)),
        "",
        f"The whole recipe: `aecli models show {meta.task} {found.name} --json`.",
        "",
        *_measured(meta.metrics),
        f"*Written by aecli {__version__} from the file's metadata.*",
    ]
    return "\n".join(lines) + "\n"


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


def _measured(metrics: Mapping[str, Any]) -> list[str]:
    if not metrics:
        return []
    return ["## Measured", "", "On pictures held out of training.", "", *_table(flat(metrics)), ""]


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "| | |"
    yield "| --- | --- |"
    for key, value in rows:
        yield f"| {_cell(key)} | {_cell(value)} |"


def _cell(said: str) -> str:
    """A text in a table, one line, whatever it holds."""
    return " ".join(said.replace("|", "\\|").replace("<", "&lt;").split())
