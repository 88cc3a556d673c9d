"""`aecli models add` and `push`: models from elsewhere, and to there."""

from __future__ import annotations

from typing import Annotated

import typer

from aecli.cli import console, options
from aecli.cli.models.arguments import Name, Task, check_task
from aecli.cli.models.card import write
from aecli.cli.models.listing import summary


def add(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A .safetensors file, its https URL, or its place on the Hugging Face hub:"
            " hf:USER/REPO[@REVISION][/FILE] (needs the extra hub).",
        ),
    ],
    sha256: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The checksum that the file must have."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to call it instead of its own name."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model of that name.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Add a model to your own: complete and checked, or not at all.

    Its checksum is recorded, and `aecli models verify` and every use hold it to that. From the hub
    its card comes along, and the revision is kept as the commit it stands for.

    Examples:
        aecli models add denoise-mine.safetensors
        aecli models add https://example.org/denoise-mine.safetensors --sha256 HEX
        aecli models add hf:ann/denoise-mine@v1
    """
    from aecli.checkpoints import install

    found = install.add(source, sha256=sha256, name=name, overwrite=overwrite)
    if json:
        console.record(summary(found))
    else:
        console.say(f"added {found.path} (aecli {found.task} -m {found.name})")


def push(
    task: Task,
    name: Name,
    place: Annotated[
        str, typer.Argument(metavar="hf:USER/REPO", help="The repository; made where missing.")
    ],
    public: Annotated[
        bool,
        typer.Option("--public", help="Let everyone see it; a new repository is private without."),
    ] = False,
    licence: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Of the weights, for the card: apache-2.0, cc-by-4.0, ..., other."
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace other weights of that name there, and the card."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Upload a model to the Hugging Face hub, with a model card written from its metadata.

    Needs the extra hub, and a token that may write: `hf auth login` stores one, HF_TOKEN may hold
    it. A repository's own card stays.

    Examples:
        aecli models push denoise mine hf:ann/denoise-mine
        aecli models push upscale mine-x2 hf:ann/mine --public --licence cc-by-4.0
    """
    from aecli.checkpoints import format as checkpoints
    from aecli.checkpoints import hub, store

    check_task("push", task)
    target = hub.Place.parse(place)
    found = store.find(task, name)
    store.verify(found)
    checkpoints.load(found.path)  # what does not load is nobody's
    came = found.provenance
    licence = licence or (came.licence if came else None)
    written = write(
        found,
        f"{target}/{store.file_name(found.task, found.name)}",
        licence,
    )
    done = hub.push(found, target, written, public=public, overwrite=overwrite)
    if json:
        console.record(
            {
                "task": found.task,
                "name": found.name,
                "place": str(done.place),
                "url": done.url,
                "private": done.private,
                "card": "written" if done.card else "kept",
            }
        )
        return
    console.say(f"pushed {found.name} to {done.url} ({'private' if done.private else 'public'})")
    if not done.card:
        console.say(f"its {hub.CARD} is kept; --overwrite replaces it")
    elif licence is None:
        console.advise("--licence and --overwrite say on the card what others may do with it")
    console.say(f"aecli models add {done.place}")
