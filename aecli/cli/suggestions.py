"""What does here what other programs do by another word: hints for words not known."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OPTIONS: Mapping[str, str] = {
    "--in-place": "inputs are never overwritten: without -o results lie beside them",
    "--inplace": "inputs are never overwritten: without -o results lie beside them",
    "--suffix": "--template '{stem}_WORD.{ext}' names results",
    "--threads": "-j N is how many read and write files; OMP_NUM_THREADS=N, how many compute",
    "--jobs": "-j N is how many files are read and written at once",
    "--scale": "aecli upscale enlarges pictures",
    "--sigma": "aecli denoise takes a noise level",
    "--epochs": "--steps N or --time 30m is the length of a run",
    "--batch-size": "--set data.batch=N is the size of a batch",
    "--lr": "--set optim.lr=X is the learning rate",
    "--force": "--overwrite replaces files",
    "--gpu": "--device cuda computes on a GPU",
    "--cpu": "--device cpu computes on the CPU",
}
"""By the option, for commands that lack it."""

COMMANDS: Mapping[str, str] = {
    "list": "aecli models list lists the models",
    "remove": "aecli models rm TASK NAME removes a model",
    "delete": "aecli models rm TASK NAME removes a model",
    "install": "aecli models add SOURCE adds a model",
    "download": "aecli models add SOURCE adds a model",
    "info": "aecli models show TASK NAME tells of a model",
    "super-resolution": "aecli upscale enlarges pictures",
    "reconstruct": "aecli generate --reconstruct IN",
    "interpolate": "aecli generate --interpolate A B",
    "sample": "aecli generate draws samples",
    "encode": "aecli embed turns pictures into vectors",
}
"""By the command."""


def arguments(given: Sequence[str]) -> list[str]:
    """The words of a command line, `aecli help X` as `aecli X --help`."""
    if given[:1] == ["help"]:
        return [*given[1:], "--help"]
    return list(given)


def hint(error: Any) -> tuple[str, str | None]:
    """The message of an error of the command line, and what cures it.

    Args:
        error: one of Typer's exceptions.
    """
    context = getattr(error, "ctx", None)
    see = f"see '{context.command_path} --help'" if context else None
    option = getattr(error, "option_name", None)
    if option is not None and context is not None:
        known = [name for param in context.command.params for name in param.opts]
        return f"No such option: {option}", OPTIONS.get(option) or _nearest(option, known) or see
    message: str = error.format_message()
    word = message.partition("No such command '")[2].partition("'")[0]
    if word and context is not None:
        known = context.command.commands
        return f"No such command '{word}'", COMMANDS.get(word) or _nearest(word, known) or see
    return message, see


def _nearest(word: str, known: Iterable[str]) -> str | None:
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else None
