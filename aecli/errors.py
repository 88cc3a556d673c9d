"""The errors a user can cause or cure; every one knows the exit code it ends the program with."""

from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Reason(Enum):
    """What an error comes down to where only the caller knows the cure: an option, an argument."""

    EXISTS = "a file that exists is not replaced"
    COLLISION = "two results are of one name"
    TOO_MANY_PIXELS = "a picture is larger than is read"
    TOO_LARGE_FOR_FORMAT = "a result is larger than its format holds"
    FORMAT = "the name of a file, or the format it asks for, does not suit"
    ONE_FILE = "several results do not go to one file"
    ONE_STREAM = "several results do not go to standard output"
    NOT_RECURSIVE = "there is nothing in a folder itself"
    NO_PRIOR = "a model has no prior to draw from"
    NUL_SEPARATED = "a list is separated by NUL bytes"
    NO_CHECKSUM = "a download has no checksum to be held against"
    MODEL_EXISTS = "a model of that name exists"
    NO_DEFAULT = "no model is named, and none is the default"
    NOT_INSTALLED = "the model that made a file is not among the installed ones"
    RUN_EXISTS = "a training run of that name exists"
    NO_RUN = "there is no training run to go on with"
    NO_NCNN = "the engine ncnn is not installed"
    NO_GRAPH = "the engine ncnn lacks something that a network needs"
    ONE_CLASS = "there is nothing to tell apart"


class AecliError(Exception):
    """What went wrong in one line, and what cures it.

    Args:
        message: one line that names the file, setting or model concerned.
        hint: one line that says what to do about it, or None where the message says it all.
        reason: what it comes down to, where the cure is the caller's to name.
    """

    exit_code = 1

    def __init__(
        self, message: str, hint: str | None = None, *, reason: Reason | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason


class InputError(AecliError):
    """One input cannot be read, processed or written; other inputs go on (exit code 1)."""


class TrainingError(AecliError):
    """A training run cannot go on: no usable images, a loss that is not finite (exit code 1)."""


class UsageError(AecliError):
    """The command line asks for something impossible; nothing was done (exit code 2)."""

    exit_code = 2


class ModelError(AecliError):
    """A model is missing, damaged or not one of aecli's (exit code 3)."""

    exit_code = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of `known` to `word`, or all of them if none is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known are: {', '.join(names)}" if names else "there are none yet"
