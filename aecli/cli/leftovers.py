"""What folders hold beside the images that are worked on: told to people, and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aecli.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.files.inputs import LeftOut

_NAMED = 5
"""How many are named where not all are asked for."""


def tell(items: Sequence[LeftOut], *, json: bool, verbose: bool) -> tuple[int, int]:
    """Tell of what was left out; returns how much that was, and how much of it failed.

    Earlier results are told of where everything is asked for; what is an image but is not read, in
    any case; what should have been looked at and could not be, as an error.
    """
    failed = [item for item in items if item.failed]
    ours = [item for item in items if not item.failed]
    for item in failed:
        console.error(f"{item.path}: {item.reason}", item.hint)
    if json:
        for item in items:
            console.record(record(item))
    foreign = [item for item in ours if not item.made]
    if verbose:
        for item in ours:
            console.say(f"{item.path}: left out, {item.reason}")
    elif foreign:
        named = ", ".join(f"{item.path} is {item.reason}" for item in foreign[:_NAMED])
        more = len(foreign) - _NAMED
        rest = f" and {more} more, which -v names" if more > 0 else ""
        console.warning(f"{len(foreign)} left out: {named}{rest}")
    return len(ours), len(failed)


def record(item: LeftOut) -> dict[str, Any]:
    """What `--json` says of one."""
    if item.failed:
        said = f"{item.path}: {item.reason}"
        return {"source": str(item.path), "status": "failed", "error": said}
    return {"source": str(item.path), "status": "left out", "reason": item.reason}
