"""Bringing a model from a file or a URL into the user's models: whole, checked, or not at all."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.checkpoints.header import MAX_FILE
from aecli.errors import AecliError, ModelError, Reason, UsageError
from aecli.files.atomic import finish, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from typing import BinaryIO

TIMEOUT = 30.0
"""Seconds a server may stay silent."""

_CHUNK = 1 << 20
_LARGEST = f"the largest have {MAX_FILE >> 20} MiB"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def add(
    source: str, *, sha256: str | None = None, name: str | None = None, overwrite: bool = False
) -> store.Found:
    """Copy or download a model into the user's models.

    Nothing is installed unless the file is complete, has the expected checksum and loads.

    Args:
        source: a path or an https URL; http is for servers on this machine.
        sha256: the checksum the file must have, in hexadecimal; None for a path, or a server on
            this machine.
        name: what to call it; None takes the name it was trained under.
        overwrite: replace a model of that name.

    Raises:
        UsageError: the name is taken or not one for a model; the checksum is not one, or missing;
            the URL is not encrypted.
        ModelError: the source is missing, incomplete, too large, another file than expected, or
            not a model.
    """
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise UsageError(f"{sha256!r} is not a sha256: those have 64 hexadecimal digits")
    if name is not None:
        store.file_name("any", name)
    if _is_url(source):
        _check(source, sha256)
    folder = store.made_user_folder()
    with unfinished(folder) as part:
        with _open(source) as (stream, size):
            digest = _copy(stream, part, size, source)
        if sha256 is not None and digest != sha256.lower():
            raise ModelError(f"{source} has another sha256 than expected: {digest}")
        meta = _loaded(part, source)
        target = folder / store.file_name(meta.task, name or meta.tag)
        if target.exists() and not overwrite:
            raise UsageError(
                f"there is a model {name or meta.tag!r} for {meta.task} already",
                reason=Reason.MODEL_EXISTS,
            )
        finish(part, target, overwrite=overwrite)
    return store.Found(target, meta.task, name or meta.tag, store.Origin.USER)


def _is_url(source: str) -> bool:
    return re.match("[A-Za-z][A-Za-z0-9+.-]+://", source) is not None


def _check(url: str, sha256: str | None) -> None:
    """See that what comes from a URL can be trusted to be what its publisher meant."""
    if not _safe(url):
        raise UsageError(f"{url}: models are downloaded by https only", "ask for it with https://")
    if sha256 is None and not _local(url):
        raise UsageError(
            f"{url}: a download is checked against its sha256", reason=Reason.NO_CHECKSUM
        )


def _safe(url: str) -> bool:
    scheme = urlsplit(url).scheme.lower()
    return scheme == "https" or (scheme == "http" and _local(url))


def _local(url: str) -> bool:
    """Whether a URL leads to this machine, so that nobody sits in between."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a server to another place, unless the way there is open to everyone."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if not _safe(newurl):
            raise URLError(f"it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _open(source: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The source's bytes, and how many there should be if that is known."""
    try:
        if _is_url(source):
            with build_opener(_SafeRedirects).open(source, timeout=TIMEOUT) as response:
                length = response.headers["Content-Length"] or ""
                yield response, int(length) if length.isdecimal() else None
        else:
            path = Path(source).expanduser()
            if path.exists() and not path.is_file():
                raise ModelError(f"{source} is not a file")
            with path.open("rb") as file:
                yield file, None
    except HTTPError as error:
        raise ModelError(f"cannot download {source}: {error.code} {error.reason}") from None
    except (URLError, HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"cannot download {source}: {reason}") from None
    except OSError as error:
        raise ModelError(f"cannot read {source}: {error.strerror or error}") from None


def _copy(stream: BinaryIO, part: Path, size: int | None, source: str) -> str:
    """Copy and return the checksum."""
    digest = hashlib.sha256()
    copied = 0
    with part.open("xb", buffering=0) as file:
        while chunk := stream.read(_CHUNK):
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
