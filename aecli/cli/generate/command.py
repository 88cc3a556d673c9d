"""`aecli generate`: pictures from a model's latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli.generate.request import GenerateRequest  # noqa: TC001 - its fields are options
from aecli.cli.help import Command
from aecli.cli.request import command

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add `aecli generate` to the program."""
    app.command(cls=Command)(command(generate))


def generate(request: GenerateRequest) -> int:
    """Draw new pictures, and look into a model's latent space.

    -m mnist, the default, draws digits; `aecli models list generate` names the others. A PNG grid
    says in its text which model, seed and command made it.

    Examples:
        aecli generate digits.png --n 100 --seed 7
        aecli generate -m emoji --zoom 2 icons.png
        aecli generate -m melodies --interpolate a.mid b.mid way.mid
        AECLI_GENERATE_SEED=7 aecli generate digits.png
    """
    from aecli.cli.generate.run import run

    return run(request)
