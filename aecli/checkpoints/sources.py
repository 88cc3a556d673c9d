"""Where models are brought from: a file, or a server that can be trusted to be what it says."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from aecli.errors import ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

TIMEOUT = 30.0
"""Seconds a server may stay silent."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""

Opened: TypeAlias = tuple[Iterable[bytes], int | None]
"""The bytes of a source, chunk by chunk, and how many there should be where that is known."""


@dataclass(frozen=True)
class Source:
    """A model's file elsewhere, not yet read.

    Attributes:
        name: what is recorded of it: a path, a URL, a file of a commit.
        open: gives its bytes.
        trusted: whether nobody sits in between, so that no checksum is needed.
        sha256: the checksum that its publisher's server promises, in hexadecimal.
        licence: that of the weights, as the publisher has it.
        card: the model card, Markdown in UTF-8, as it came.
    """

    name: str
    open: Callable[[], AbstractContextManager[Opened]]
    trusted: bool = False
    sha256: str | None = None
    licence: str | None = None
    card: bytes | None = None


def is_url(text: str) -> bool:
    """Whether a source is a server's."""
    return re.match("[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def web(url: str) -> Source:
    """What a URL leads to.

    Raises:
        UsageError: the way there is not encrypted, nor on this machine.
    """
    if not is_safe(url):
        raise UsageError(f"{url}: models are downloaded by https only", "ask for it with https://")
    return Source(url, lambda: _answer(url), trusted=_is_local(url))


def disk(text: str) -> Source:
    """The file that a path names."""
    path = Path(text).expanduser()
    return Source(str(path.absolute()), lambda: _file(path, text), trusted=True)


def is_safe(url: str) -> bool:
    """Whether what travels there and back is encrypted, or stays on this machine."""
    scheme = urlsplit(url).scheme.lower()
    return scheme == "https" or (scheme == "http" and _is_local(url))


def _is_local(url: str) -> bool:
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
        if not is_safe(newurl):
            raise URLError(f"it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _answer(url: str) -> Iterator[Opened]:
    try:
        with build_opener(_SafeRedirects).open(url, timeout=TIMEOUT) as response:
            length = response.headers["Content-Length"] or ""
            yield _chunks(response), int(length) if length.isdecimal() else None
    except HTTPError as error:
        error.close()  # it is the answer, too, and Python 3.14 warns of one that is left open
        raise ModelError(f"cannot download {url}: {error.code} {error.reason}") from None
    except (OSError, HTTPException) as error:  # URLError and timeouts are of the former
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"cannot download {url}: {reason}") from None


@contextmanager
def _file(path: Path, text: str) -> Iterator[Opened]:
    if path.exists() and not path.is_file():
        raise ModelError(f"{text} is not a file")
    try:
        with path.open("rb") as file:
            yield _chunks(file), None
    except OSError as error:
        raise ModelError(f"cannot read {text}: {error.strerror or error}") from None


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK), b"")
