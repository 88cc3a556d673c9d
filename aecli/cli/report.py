"""What becomes of each input: told to people on stderr, and to programs as an object a line."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from aecli.cli import console, cures
from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aecli.device import Terms
    from aecli.files.inputs import LeftOut

_NAMED = 5
"""How much of what was left out is named where not all is asked for."""


class Report:
    """Counts inputs by what becomes of them, and tells.

    Failures and warnings are always told.

    Args:
        json: tell programs, on stdout.
        quiet: tell people nothing else.
        verbose: name all that was left out; None where that cannot be asked for.
    """

    def __init__(self, *, json: bool, quiet: bool, verbose: bool | None = False) -> None:
        self._json = json
        self._quiet = quiet
        self._verbose = verbose
        self._counts: Counter[str] = Counter()

    @property
    def code(self) -> int:
        """The program's exit code."""
        return 1 if self._counts["failed"] or self._counts["unseen"] else 0

    def say(self, line: str) -> None:
        """A line for people, unless they want none."""
        if not self._quiet:
            console.say(line)

    def runs_on(self, model: str, terms: Terms) -> None:
        """Where a model runs and in what precision, unless all of that was asked for."""
        if terms.chosen:
            self.say(f"{model} on {terms}")

    def record(self, values: Mapping[str, object]) -> None:
        """An object for programs, if they are told; numbers that are not finite are null."""
        if self._json:
            console.record({key: _plain(value) for key, value in values.items()})

    def fail(self, name: str, error: AecliError | OSError | MemoryError, **facts: str) -> None:
        """An input has no result.

        Args:
            name: what messages call it.
            error: why.
            facts: what its record says besides.
        """
        self._counts["failed"] += 1
        message = _said(error)
        if name not in message:
            message = f"{name}: {message}"
        self.record({**facts, "status": "failed", "error": message})
        console.error(message, cures.hint(error) if isinstance(error, AecliError) else None)

    def leave_out(self, items: Sequence[LeftOut]) -> None:
        """Tell of what folders hold beside the inputs.

        Earlier results are told of where everything is asked for; what is an image but is not read,
        in any case; folders that were not looked into, in a line; what should have been looked at
        and could not be, as an error.
        """
        ours = [item for item in items if not item.failed and not item.folder]
        self._counts["left out"] += len(ours)
        self._counts["made"] += sum(item.made for item in items)
        for item in items:
            facts = {"source": str(item.path)}
            if item.failed:
                self._counts["unseen"] += 1
                message = f"{item.path}: {item.reason}"
                console.error(message, item.hint)
                self.record({**facts, "status": "failed", "error": message})
            else:
                self.record({**facts, "status": "left out", "reason": item.reason})
        foreign = [item for item in ours if not item.made]
        if self._verbose:
            for item in ours:
                console.say(f"{item.path}: left out, {item.reason}")
        elif foreign:
            named = ", ".join(f"{item.path} is {item.reason}" for item in foreign[:_NAMED])
            more = len(foreign) - _NAMED
            where = "" if self._verbose is None else ", which -v names"
            rest = f" and {more} more{where}" if more > 0 else ""
            console.warning(f"{len(foreign)} left out: {named}{rest}")
        for hint in dict.fromkeys(item.hint for item in foreign if item.hint):
            console.advise(hint)
        self._pass_over([item.path for item in items if item.folder])

    def _pass_over(self, folders: Sequence[Path]) -> None:
        """Tell of folders that were not looked into."""
        if folders:
            many = len(folders) > 1
            named = ", ".join(map(str, folders[: None if self._verbose else _NAMED]))
            rest = "" if self._verbose or len(folders) <= _NAMED else ", ..."
            what = f"{len(folders)} sub-folder{'s' * many} passed over ({named}{rest})"
            self.say(f"{what}: -r looks into {'them' if many else 'it'}, too")

    def tally(self, *statuses: str) -> list[str]:
        """`3 done`, `1 failed`: what there is of each."""
        return [f"{self._counts[status]} {status}" for status in statuses if self._counts[status]]


def _said(error: AecliError | OSError | MemoryError) -> str:
    """What an error says, in a line."""
    if isinstance(error, AecliError):
        return error.message
    if isinstance(error, MemoryError):
        return "not enough memory"
    return str(getattr(error, "strerror", None) or error)


def _plain(value: object) -> object:
    """A value as JSON has it: numbers with six digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
