"""`aecli models show`: what a model is, how it was trained, what it measures, and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from aecli.cli import console, options
from aecli.cli.models.arguments import SomeName, Task, check_task
from aecli.cli.models.card import write
from aecli.cli.models.listing import size, summary
from aecli.cli.models.profile import flat, profile, training

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aecli.checkpoints.provenance import Provenance
    from aecli.checkpoints.store import Found
    from aecli.cli.models.profile import Profile


def show(
    task: Task,
    name: SomeName = None,
    card: Annotated[
        bool,
        options.REPORT.option(
            "--card", help="Its model card instead; of one without, what a push would write."
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Show what a model is, how it was trained and what it measures; numbers are rounded.

    Without a NAME, the task's default model. --json has all and unrounded: recipe and card, too.

    Examples:
        aecli models show denoise
        aecli models show denoise gaussian --card
        aecli models show embed photo --json
    """
    from aecli.checkpoints import provenance, store

    check_task("show", task)
    found = store.find(task, name)
    text, came = provenance.card(found.path), found.provenance
    if card:
        for line in (text or write(found, "hf:USER/REPO")).splitlines():
            console.line(console.printable(line))
        return
    built = profile(found)
    if json:
        console.record(
            {
                **summary(found),
                "architecture": found.meta.architecture,
                "about": built.spec.summary,
                "paper": built.spec.paper,
                "parameters": built.parameters,
                "flops_per_pixel": built.flops_per_pixel,
                "receptive_field": built.receptive_field,
                "config": found.meta.config,
                "training": found.meta.training,
                "metrics": found.meta.metrics,
                "aecli": found.meta.version,
                "source": came.source if came else None,
                "licence": came.licence if came else None,
                "sha256": store.sha256(found.path),
                "card": text,
            }
        )
        return
    for number, (title, facts) in enumerate(_groups(found, built, came)):
        if number:
            console.line("")
        console.line(title)
        rows = list(flat(facts))
        width = max((len(key) for key, _ in rows), default=0)
        for key, value in rows:
            console.line(console.printable(f"  {key:<{width}}  {value}"))
    if text is not None:
        console.line("\ncard (--card shows all of it)")
        for line in _first(text):
            console.line(f"  {console.printable(line)}")


def _groups(
    found: Found, built: Profile, came: Provenance | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is told, under the titles that it stands under."""
    row, meta = summary(found), found.meta
    yield (
        f"aecli {found.task} -m {found.name}",
        {
            "for": row["for"],
            "origin": f"{row['origin']}, the default" if row["default"] else row["origin"],
            "from": came.source if came else None,
            "licence": came.licence if came else None,
            "size": size(row["bytes"]),
            "file": row["path"],
        },
    )
    yield (
        "network",
        {
            "architecture": meta.architecture,
            "about": built.spec.summary,
            "paper": built.spec.paper,
            "parameters": built.parameters,
            "FLOPs a pixel": built.flops_per_pixel,
            "receptive field": f"{built.receptive_field} pixels",
            **meta.config,
        },
    )
    if meta.training:
        yield "training", training(meta)
    if meta.metrics:
        yield "measured, on pictures held out of training", meta.metrics


def _first(card: str) -> Iterator[str]:
    """The first paragraph of a card, as its lines stand there."""
    lines = iter(card.splitlines())
    started = False
    for number, line in enumerate(lines):
        if number == 0 and line == "---":  # YAML, for the hub
            for inner in lines:
                if inner == "---":
                    break
        elif line.strip() and (started or line[0] not in "#|<![-"):
            started = True
            yield line
        elif started:
            return
