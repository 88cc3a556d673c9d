"""What is kept beside the weights of an added model: its card, and where it came from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from aecli.checkpoints import header
from aecli.errors import ModelError
from aecli.files.atomic import atomic

if TYPE_CHECKING:
    from pathlib import Path

MAX_CARD = 1 << 20
"""Bytes of the longest card that is kept."""


@dataclass(frozen=True)
class Provenance:
    """Where an added model came from.

    Attributes:
        source: path, URL or file of a commit.
        sha256: checksum of the weights as they came, in hexadecimal.
        licence: that of the weights, as their publisher has it.
    """

    source: str
    sha256: str
    licence: str | None = None


def keep(model: Path, provenance: Provenance, card: bytes | None) -> None:
    """Write both beside a model's file, in place of what was there.

    Raises:
        InputError: the system refuses to write.
    """
    forget(model)
    if card is not None:
        with atomic(_card(model), overwrite=True) as file:
            file.write(card)
    with atomic(_record(model), overwrite=True) as file:
        file.write((json.dumps(asdict(provenance), indent=2) + "\n").encode())


def forget(model: Path) -> None:
    """Remove both: the file beside them goes."""
    _record(model).unlink(missing_ok=True)
    _card(model).unlink(missing_ok=True)


def supersede(model: Path) -> None:
    """Remove both where the file was added: the user's own weights take its place."""
    if _record(model).exists():
        forget(model)


def read(model: Path) -> Provenance | None:
    """Where a model came from; None where it was not added.

    Raises:
        ModelError: the record is damaged.
    """
    path = _record(model)
    try:
        table = header.parsed(path.read_bytes())
        known = {field.name: table.get(field.name) for field in fields(Provenance)}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        raise ModelError(f"{path} is damaged", "add the model again") from None
    if not (isinstance(known["source"], str) and isinstance(known["sha256"], str)):
        raise ModelError(f"{path} is damaged", "add the model again")
    licence = known["licence"]
    return Provenance(
        known["source"], known["sha256"], licence if isinstance(licence, str) else None
    )


def card(model: Path) -> str | None:
    """The card beside a model's file, Markdown; None where there is none."""
    try:
        with _card(model).open("rb") as file:
            return file.read(MAX_CARD).decode("utf-8", "replace")
    except OSError:
        return None


def _card(model: Path) -> Path:
    return model.with_suffix(".md")


def _record(model: Path) -> Path:
    return model.with_suffix(".json")
