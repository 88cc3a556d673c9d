"""Bringing a model into the user's models: whole, checked, or not at all."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import hub, provenance, sources, store
from aecli.checkpoints.header import MAX_FILE
from aecli.errors import AecliError, ModelError, Reason, UsageError
from aecli.files.atomic import finish, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import FileIO
    from pathlib import Path

_LARGEST = f"the largest have {MAX_FILE >> 20} MiB"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def add(
    text: str, *, sha256: str | None = None, name: str | None = None, overwrite: bool = False
) -> store.Found:
    """Copy or download a model into the user's models.

    Nothing is installed unless the file is complete, has the expected checksum and loads. Its
    checksum is recorded, and what its publisher says of it is kept beside it.

    Args:
        text: a path; an https URL (http is for servers on this machine); or a place on the
            Hugging Face hub (`aecli.checkpoints.hub.Place`).
        sha256: the checksum the file must have, in hexadecimal; None for a path, a server on this
            machine, or the hub, which has one itself.
        name: what to call it; None takes the name it was trained under.
        overwrite: replace a model of that name.

    Raises:
        UsageError: the name is taken or not one for a model; the checksum is not one, or missing;
            the URL is not encrypted; the library that speaks to the hub is missing.
        ModelError: the source is missing, incomplete, too large, another file than expected, or
            not a model.
    """
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise UsageError(f"{sha256!r} is not a sha256: those have 64 hexadecimal digits")
    if name is not None:
        store.file_name("any", name)
    source = _source(text)
    expected = [known.lower() for known in (sha256, source.sha256) if known is not None]
    if not (expected or source.trusted):
        raise UsageError(
            f"{text}: a download is checked against its sha256", reason=Reason.NO_CHECKSUM
        )
    folder = store.made_user_folder()
    with unfinished(folder) as part:
        with source.open() as (chunks, size):
            digest = _copy(chunks, part, size, text)
        if any(digest != known for known in expected):
            raise ModelError(f"{text} has another sha256 than expected: {digest}")
        meta = _loaded(part, text)
        target = folder / store.file_name(meta.task, name or meta.tag)
        if target.exists():
            if not overwrite:
                raise UsageError(
                    f"there is a model {name or meta.tag!r} for {meta.task} already",
                    reason=Reason.MODEL_EXISTS,
                )
            provenance.forget(target)
        finish(part, target, overwrite=overwrite)
    provenance.keep(target, provenance.Provenance(source.name, digest, source.licence), source.card)
    return store.Found(target, meta.task, name or meta.tag, store.Origin.USER)


def _source(text: str) -> sources.Source:
    if hub.is_place(text):
        return hub.source(text)
    return sources.web(text) if sources.is_url(text) else sources.disk(text)


def _copy(chunks: Iterable[bytes], part: Path, size: int | None, source: str) -> str:
    """Copy and return the checksum."""
    digest = hashlib.sha256()
    copied = 0
    with part.open("xb", buffering=0) as file:
        for chunk in chunks:
            digest.update(chunk)
            copied += len(chunk)
            if max(copied, size or 0) > MAX_FILE:
                raise ModelError(f"{source} is too large for a model of aecli", _LARGEST)
            _write(file, chunk)
    if size is not None and copied != size:
        raise ModelError(f"{source} is incomplete: {copied} of {size} bytes came")
    return digest.hexdigest()


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise AecliError(f"{file.name}: cannot be written: {error.strerror}") from error


def _loaded(part: Path, source: str) -> checkpoints.Meta:
    """The metadata of the copy, which loads; what is wrong with it is said of the source."""
    try:
        return checkpoints.load(part).meta
    except ModelError as error:
        raise ModelError(error.message.replace(str(part), source), error.hint) from None
