"""A model's card, Markdown, written from what its file says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aecli.cli.models.profile import flat, profile, training
from aecli.errors import UsageError
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aecli.checkpoints.store import Found

_DOES = {
    "denoise": ("image-to-image", "aecli denoise photo.jpg -m {}"),
    "upscale": ("image-to-image", "aecli upscale photo.jpg -m {}"),
    "generate": ("unconditional-image-generation", "aecli generate new.png -m {}"),
    "embed": ("image-feature-extraction", "aecli embed photos/ -o vectors.npz -m {}"),
}
"""The hub's word for each task, and how a model of it is used."""

_UNKNOWN = "not said"


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
    from aecli.checkpoints import store
    from aecli.checkpoints.header import is_name

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
        "licence of the weights": licence or _UNKNOWN,
        "sha256": f"`{store.sha256(found.path)}`",
    }
    trained = training(meta)
    trained |= {key: _UNKNOWN for key in ("data", "licence of data") if not trained[key]}
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
        *_table(flat(trained)),
        "",
        f"The whole recipe: `aecli models show {meta.task} {found.name} --json`.",
        "",
        *_measured(meta.metrics),
        f"*Written by aecli {__version__} from the file's metadata.*",
    ]
    return "\n".join(lines) + "\n"


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
