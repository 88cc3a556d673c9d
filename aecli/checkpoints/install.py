"""Bringing a model from a file or a URL into the user's models: whole, checked, or not at all."""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

TIMEOUT = 30.0
"""Seconds a server may stay silent."""

_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def add(
    source: str, *, sha256: str | None = None, name: str | None = None, overwrite: bool = False
) -> store.Found:
    """Copy or download a model into the user's models.

    Nothing is installed unless the file is complete, has the expected checksum and is a model.

    Args:
        source: a path, or an http(s) URL.
        sha256: the checksum the file must have, in hexadecimal.
        name: what to call it; None takes the name it was trained under.
        overwrite: replace a model of that name.

    Raises:
        UsageError: the name is taken or not one for a model, or the checksum is not one.
        ModelError: the source is missing, incomplete, another file than expected, or not a model.
    """
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise UsageError(f"{sha256!r} is not a sha256: those have 64 hexadecimal digits")
    folder = store.user_folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".add-{secrets.token_hex(8)}.part"
    try:
        with _open(source) as (stream, size), part.open("xb") as file:
            digest = _copy(stream, file, size, source)
        if sha256 is not None and digest != sha256.lower():
            raise ModelError(f"{source} has another sha256 than expected: {digest}")
        meta = _meta(part, source)
        target = folder / store.file_name(meta.task, name or meta.tag)
        if target.exists() and not overwrite:
            raise UsageError(
                f"there is a model {name or meta.tag!r} for {meta.task} already",
                "choose another --name, or replace it with --overwrite",
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return store.Found(target, meta.task, name or meta.tag, store.Origin.USER)


@contextmanager
def _open(source: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The source's bytes, and how many there should be if that is known."""
    try:
        if urlsplit(source).scheme in ("http", "https"):
            with urlopen(source, timeout=TIMEOUT) as response:  # noqa: S310  # scheme checked
                length = response.headers["Content-Length"]
                yield response, int(length) if length is not None else None
        else:
            with Path(source).expanduser().open("rb") as file:
                yield file, None
    except HTTPError as error:
        raise ModelError(f"cannot download {source}: {error.code} {error.reason}") from None
    except (URLError, HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"cannot download {source}: {reason}") from None
    except OSError as error:
        raise ModelError(f"cannot read {source}: {error.strerror or error}") from None


def _copy(stream: BinaryIO, file: BinaryIO, size: int | None, source: str) -> str:
    """Copy and return the checksum."""
    digest = hashlib.sha256()
    copied = 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        copied += file.write(chunk)
    if size is not None and copied != size:
        raise ModelError(f"{source} is incomplete: {copied} of {size} bytes came")
    return digest.hexdigest()


def _meta(part: Path, source: str) -> checkpoints.Meta:
    """The metadata of the copy; what is wrong with it is said of the source."""
    try:
        return checkpoints.read_meta(part)
    except ModelError as error:
        raise ModelError(error.message.replace(str(part), source), error.hint) from None
