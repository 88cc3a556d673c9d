"""The Hugging Face hub: models from its repositories, and to them.

`huggingface_hub`, an extra, does the talking: its HF_ENDPOINT says which hub, HF_TOKEN or
`hf auth login` who asks, HF_HUB_OFFLINE that nobody does.
"""

from __future__ import annotations

import functools
import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from json import JSONDecodeError
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote

from aecli.checkpoints import sources, store
from aecli.checkpoints.provenance import MAX_CARD
from aecli.errors import AecliError, ModelError, Reason, UsageError
from aecli.extras import HUB
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

CARD = "README.md"
"""What a repository's model card is called."""

_SCHEME = "hf:"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_PLACE = re.compile(rf"{_SCHEME}({_NAME}/{_NAME})(?:@([^/@\s]+))?(?:/(\S+))?")
_FORM = f"{_SCHEME}USER/REPO, {_SCHEME}USER/REPO@REVISION or {_SCHEME}USER/REPO/FILE"
_NAMED = 8
"""Files of a repository that a message names."""

_LONGEST = 200
"""Characters of what is told of the hub's own words."""

_RIGHTS = "the token must be a valid one, and be allowed to do that"


@dataclass(frozen=True)
class Place:
    """A place on the hub, written `hf:USER/REPO[@REVISION][/FILE]`.

    Attributes:
        repo: user or organisation, and repository.
        revision: branch, tag or commit, where a slash is written %2F; None: the default branch.
        file: path within it; None: its only model.
    """

    repo: str
    revision: str | None = None
    file: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`.

        Raises:
            UsageError: it is not written like that.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise UsageError(f"{text} is no place on the hub", f"those are written {_FORM}")
        return cls(found[1], found[2] and unquote(found[2]), found[3])

    def __str__(self) -> str:
        revision = f"@{quote(self.revision, safe='')}" if self.revision else ""
        return f"{_SCHEME}{self.repo}{revision}" + (f"/{self.file}" if self.file else "")


@dataclass(frozen=True)
class Pushed:
    """What became of a push.

    Attributes:
        place: the file, of the commit that holds it.
        url: the repository's page.
        private: whether only its owners see it.
        card: whether the card was written; False: the repository has one, which stayed.
    """

    place: Place
    url: str
    private: bool
    card: bool


class _StrangerError(Exception):
    """Somebody else answers in the hub's place."""


def is_place(text: str) -> bool:
    """Whether a source is the hub's."""
    return text.startswith(_SCHEME)


def source(text: str) -> sources.Source:
    """A model's file on the hub, of the commit that its revision stands for now.

    Raises:
        UsageError: `text` is no place there; the extra is missing; the hub is not reached by https.
        ModelError: the hub does not answer, has no such file, or several models of which none is
            named.
    """
    place = Place.parse(text)
    api = _api()
    with _talking(place, ModelError):
        info = _info(api, place)
        files = {file.rfilename: file for file in info.siblings or ()}
        name = _chosen(place, files)
        exact = replace(place, revision=str(info.sha), file=name)
        licence = getattr(info.card_data, "license", None)
        return sources.Source(
            str(exact),
            functools.partial(_opened, api, place, exact, files[name].size),
            trusted=api.endpoint.startswith("http:"),
            sha256=_sha256(files[name]),
            licence=licence if isinstance(licence, str) else None,
            card=_card(api, exact, files),
        )


def push(
    found: store.Found,
    place: Place,
    card: str,
    *,
    public: bool = False,
    overwrite: bool = False,
) -> Pushed:
    """Upload a model and its card, in one commit; the repository is made where there is none.

    Args:
        found: the model, known to be sound.
        place: a repository.
        card: the model card, Markdown; a repository that has one keeps that.
        public: let everyone see it; what is made without is private, what is there stays.
        overwrite: replace other weights under that name, and the card.

    Raises:
        UsageError: `place` is more than a repository, or has other weights under that name; else
            as `source`.
        AecliError: there is no token, or the hub refuses it or does not answer.
    """
    if place.revision or place.file:
        raise UsageError(f"{place} is more than a repository", f"push to {Place(place.repo)}")
    api = _api()
    import huggingface_hub as library
    from huggingface_hub.errors import RepositoryNotFoundError

    if library.get_token() is None:
        raise AecliError(
            f"{place}: the hub takes models of those whom it knows, and there is no token",
            "`hf auth login` stores one, or HF_TOKEN holds it; it must be allowed to write",
        )
    name, digest = store.file_name(found.task, found.name), store.sha256(found.path)
    with _talking(place, AecliError):
        try:
            info = _info(api, place)
        except RepositoryNotFoundError:
            api.create_repo(place.repo, private=not public)
            private, files = not public, {}
        else:
            private = bool(info.private)
            files = {file.rfilename: file for file in info.siblings or ()}
        if name in files and not overwrite and digest != _sha256(files[name]):
            raise UsageError(f"{place} has another {name}", reason=Reason.EXISTS)
        operations = [library.CommitOperationAdd(name, found.path)]
        if write_card := overwrite or CARD not in files:
            operations.append(library.CommitOperationAdd(CARD, card.encode()))
        commit = api.create_commit(
            place.repo, operations, commit_message=f"{found.path.stem}, by aecli {__version__}"
        )
        if public and private:
            api.update_repo_settings(place.repo, private=False)
        exact = Place(place.repo, str(commit.oid), name)
        url = f"{api.endpoint}/{place.repo}"
        return Pushed(exact, url, private and not public, write_card)


def _api() -> HfApi:
    """The hub's client, which keeps quiet.

    Raises:
        UsageError: it is not installed; what it is told of the hub is not an https URL.
    """
    HUB.load("the Hugging Face hub")
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    api = HfApi(library_name="aecli", library_version=__version__)
    if not sources.is_safe(api.endpoint):
        raise UsageError(f"HF_ENDPOINT is {api.endpoint}: models travel by https only")
    return api


def _info(api: HfApi, place: Place) -> ModelInfo:
    """What the hub knows of a repository.

    Raises:
        _StrangerError: who answers is not the hub, such as the sign-in page of a network.
    """
    try:
        info = api.model_info(
            place.repo, revision=place.revision, files_metadata=True, timeout=sources.TIMEOUT
        )
        sound = re.fullmatch("[0-9a-f]{40,64}", info.sha or "") and all(
            isinstance(file.rfilename, str) and isinstance(file.size, int | None)
            for file in info.siblings or ()
        )
    except (JSONDecodeError, UnicodeError, AttributeError, KeyError, TypeError):
        sound = None  # the library reads what it expects, unlooked at
    if not sound:
        raise _StrangerError
    return info


def _chosen(place: Place, files: Mapping[str, RepoSibling]) -> str:
    """The file that is meant."""
    if place.file is not None and place.file in files:
        return place.file
    models = sorted(name for name in files if name.endswith(store.SUFFIX))
    if place.file is None and len(models) == 1:
        return models[0]
    named = [str(replace(place, file=name)) for name in models[:_NAMED]]
    hint = f"there is {', '.join(named)}{', ...' if len(models) > _NAMED else ''}"
    if place.file is not None:
        raise ModelError(f"{place}: there is no such file", hint if models else None)
    if models:
        raise ModelError(f"{place} has {len(models)} models, and none is named", hint)
    raise ModelError(f"{place} has no {store.SUFFIX} file", "pickles are never loaded")


def _sha256(file: RepoSibling) -> str | None:
    """What the hub knows of what it does not keep in git itself, as it does with weights."""
    return None if file.lfs is None else file.lfs.sha256


def _card(api: HfApi, model: Place, files: Mapping[str, RepoSibling]) -> bytes | None:
    """The card in the model's folder, or the repository's; None where there is none of a size."""
    beside = str(PurePosixPath(model.file or "").with_name(CARD))
    for name in (beside, CARD):
        if name in files:
            content = b""
            with _answer(api, replace(model, file=name)) as chunks:
                for chunk in chunks:
                    content += chunk
                    if len(content) > MAX_CARD:
                        return None
            return content
    return None


@contextmanager
def _opened(api: HfApi, asked: Place, exact: Place, size: int | None) -> Iterator[sources.Opened]:
    with _talking(asked, ModelError), _answer(api, exact) as chunks:
        yield chunks, size


@contextmanager
def _answer(api: HfApi, place: Place) -> Iterator[Iterable[bytes]]:
    """The bytes of a file of a commit, as they come."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    url = hf_hub_url(place.repo, place.file or "", revision=place.revision, endpoint=api.endpoint)
    headers = build_hf_headers(library_name="aecli", library_version=__version__)
    with get_session().stream("GET", url, headers=headers, timeout=sources.TIMEOUT) as response:
        hf_raise_for_status(response)
        for answer in (*response.history, response):
            if not sources.is_safe(str(answer.url)):
                raise ValueError(f"it redirects to {answer.url}, which is not https")
        yield response.iter_bytes(sources.CHUNK)


@contextmanager
def _talking(place: Place, kind: Callable[[str, str | None], AecliError]) -> Iterator[None]:
    """What goes wrong between here and the hub becomes an error of one line."""
    from huggingface_hub import constants, errors, get_token

    try:
        yield
    except _StrangerError:
        raise kind(
            f"{place}: what answers at {constants.ENDPOINT} is not the hub",
            "the sign-in page of a network may stand between: a browser shows it",
        ) from None
    except errors.GatedRepoError:
        page = f"{constants.ENDPOINT}/{place.repo}"
        raise kind(f"{place}: its owner wants to be asked first", f"ask on {page}") from None
    except errors.RepositoryNotFoundError:
        hint = None if get_token() else "`hf auth login` tells the hub who you are"
        raise kind(f"{place}: there is no such repository, or it is private", hint) from None
    except errors.RevisionNotFoundError:
        raise kind(f"{place}: there is no such revision", None) from None
    except errors.OfflineModeIsEnabled:
        raise kind(f"{place}: HF_HUB_OFFLINE keeps the hub from being asked", None) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        said = error.server_message or error.response.reason_phrase
        hint = _RIGHTS if status in (401, 403) else None
        raise kind(f"{place}: the hub answers {status}: {_line(said)}", hint) from None
    except (errors.HTTPError, OSError) as error:
        raise kind(
            f"{place}: {constants.ENDPOINT} is not reached: {_line(error)}", "is there a network?"
        ) from None
    except (RuntimeError, ValueError) as error:  # what it makes of others, and of answers
        raise kind(f"{place}: {_line(error.__cause__ or error)}", None) from None


def _line(said: object) -> str:
    return " ".join(str(said).split())[:_LONGEST] or type(said).__name__
