from __future__ import annotations

from pathlib import Path

import pytest

from aecli import extras
from aecli.checkpoints import hub, install, provenance, sources, store
from aecli.errors import AecliError, ModelError, UsageError

from ..hub import TOKEN, Hub, Repo

uploading = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # its own

FILE = "denoise-tiny.safetensors"
CARD = "---\nlicense: cc0-1.0\n---\n# tiny\n\nDoes little, \u00e0 merveille.\n"


@pytest.fixture
def weights(tiny_denoiser: Path) -> bytes:
    """A model that is not installed."""
    content = tiny_denoiser.read_bytes()
    tiny_denoiser.unlink()
    return content


@pytest.fixture
def repo(hub: Hub, weights: bytes) -> Repo:
    """`ann/tiny`, with a model and its card."""
    made = hub.repos["ann/tiny"] = Repo(card={"license": "cc0-1.0"})
    made.commit({FILE: weights, "README.md": CARD.encode(), "notes.txt": b"x"})
    return made


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf:ann/tiny", ("ann/tiny", None, None)),
        ("hf:ann/tiny@v1.0", ("ann/tiny", "v1.0", None)),
        ("hf:ann/tiny/a/b.safetensors", ("ann/tiny", None, "a/b.safetensors")),
        ("hf:ann/tiny@refs%2Fpr%2F1/b.bin", ("ann/tiny", "refs/pr/1", "b.bin")),
    ],
)
def test_places_are_read_and_written(text: str, parts: tuple[str | None, ...]) -> None:
    place = hub.Place.parse(text)
    assert (place.repo, place.revision, place.file) == parts
    assert str(place) == text


@pytest.mark.parametrize("text", ["hf:", "hf:ann", "hf:ann/", "hf:../x", "hf:a b/c", "hf:ann/t@"])
def test_what_is_no_place_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is no place on the hub") as raised:
        install.add(text)
    assert "hf:USER/REPO@REVISION" in str(raised.value.hint)


def test_a_model_comes_with_its_card_licence_and_commit(repo: Repo, weights: bytes) -> None:
    found = install.add("hf:ann/tiny")
    assert found.path.read_bytes() == weights
    [commit] = repo.commits
    assert provenance.read(found.path) == provenance.Provenance(
        f"hf:ann/tiny@{commit}/{FILE}", store.sha256(found.path), "cc0-1.0"
    )
    assert provenance.card(found.path) == CARD
    assert store.verify(found)
    assert store.remove("denoise", "tiny") == found.path
    assert list(found.path.parent.iterdir()) == []


def test_a_revision_stands_for_its_commit(repo: Repo, weights: bytes) -> None:
    [first] = repo.commits
    repo.tags["v1"] = first
    last = repo.commit({"README.md": b"# newer\n"})
    for revision, commit in (("@v1", first), ("", last), (f"@{last}/{FILE}", last)):
        found = install.add(f"hf:ann/tiny{revision}", overwrite=True)
        assert f"@{commit}/" in provenance.read(found.path).source
    assert provenance.card(found.path) == "# newer\n"


def test_what_changes_after_it_came_is_not_loaded(repo: Repo) -> None:
    found = install.add("hf:ann/tiny")
    damaged = bytearray(found.path.read_bytes())
    damaged[-1] ^= 1
    found.path.write_bytes(damaged)
    with pytest.raises(ModelError, match="is damaged: its sha256 is not the one that it came"):
        store.load("denoise", "tiny")
    provenance.supersede(found.path)  # as training does
    assert store.verify(store.find("denoise", "tiny")) is False
    assert provenance.card(found.path) is None


def test_only_what_is_promised_is_added(hub: Hub, repo: Repo, home: Path) -> None:
    hub.forged.add(FILE)
    with pytest.raises(ModelError, match="hf:ann/tiny has another sha256 than expected"):
        install.add("hf:ann/tiny")
    hub.forged.clear()
    with pytest.raises(ModelError, match="another sha256"):
        install.add("hf:ann/tiny", sha256="0" * 64)
    repo.commit({FILE: b"no weights"})
    with pytest.raises(ModelError, match="hf:ann/tiny is not a model of aecli"):
        install.add("hf:ann/tiny")
    assert list((home / "models").iterdir()) == []


def test_what_is_too_large_does_not_come(
    repo: Repo, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "MAX_FILE", len(weights) - 1)
    with pytest.raises(ModelError, match="is too large for a model"):
        install.add("hf:ann/tiny")


def test_a_card_that_is_too_long_stays(repo: Repo) -> None:
    repo.commit({"README.md": b"x" * (provenance.MAX_CARD + 1)})
    assert provenance.card(install.add("hf:ann/tiny").path) is None


def test_one_of_several_is_named(repo: Repo, weights: bytes) -> None:
    repo.commit({"sub/other.safetensors": weights, "sub/README.md": b"# other\n"})
    with pytest.raises(ModelError, match="has 2 models, and none is named") as raised:
        install.add("hf:ann/tiny")
    assert "hf:ann/tiny/sub/other.safetensors" in str(raised.value.hint)
    with pytest.raises(ModelError, match="there is no such file"):
        install.add("hf:ann/tiny/none.safetensors")
    found = install.add("hf:ann/tiny/sub/other.safetensors")
    assert provenance.card(found.path) == "# other\n"


@pytest.mark.parametrize(
    ("place", "words", "hint"),
    [
        ("hf:ann/none", "there is no such repository, or it is private", "hf auth login"),
        ("hf:ann/secret", "there is no such repository, or it is private", "hf auth login"),
        ("hf:ann/tiny@v9", "there is no such revision", None),
        ("hf:ann/empty", "has no .safetensors file", "pickles"),
        ("hf:ann/gated", "its owner wants to be asked first", "/ann/gated"),
    ],
)
def test_what_is_not_there_is_told(
    hub: Hub, repo: Repo, place: str, words: str, hint: str | None
) -> None:
    hub.repos |= {
        "ann/secret": Repo(private=True),
        "ann/empty": Repo(),
        "ann/gated": Repo(gated=True),
    }
    with pytest.raises(ModelError, match=f"{place}.*{words}") as raised:
        install.add(place)
    assert (hint or "") in (raised.value.hint or "")


def test_who_has_a_token_sees_what_is_private(repo: Repo, token: None) -> None:
    repo.private = True
    assert install.add("hf:ann/tiny").name == "tiny"


def test_no_network_is_one_line(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:1 is not reached") as raised:
        install.add("hf:ann/tiny")
    assert "\n" not in raised.value.message
    monkeypatch.setattr(constants, "ENDPOINT", "http://example.org")
    with pytest.raises(UsageError, match="models travel by https only"):
        install.add("hf:ann/tiny")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "ENDPOINT", "https://example.org")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE keeps the hub from being asked"):
        install.add("hf:ann/tiny")


def test_the_hub_redirects_to_no_open_way(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "is_safe", lambda url: "/large/" not in url)
    with pytest.raises(ModelError, match=r"redirects to .*/large/.*, which is not https"):
        install.add("hf:ann/tiny")


def test_the_library_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = extras.Extra("hub", "huggingface_hub", "no_such_module")
    monkeypatch.setattr(hub, "HUB", missing)
    with pytest.raises(UsageError, match="needs huggingface_hub") as raised:
        install.add("hf:ann/tiny")
    assert "'aecli[hub]'" in str(raised.value.hint)


@uploading
def test_a_push_makes_a_private_repository(hub: Hub, tiny_denoiser: Path, token: None) -> None:
    from aecli.checkpoints.hub import Place, push

    found = store.find("denoise", "tiny")
    done = push(found, Place("ann/new"), "# card\n")
    repo = hub.repos["ann/new"]
    [(commit, files)] = repo.commits.items()
    assert files == {FILE: tiny_denoiser.read_bytes(), "README.md": b"# card\n"}
    assert (str(done.place), done.private, repo.private) == (
        f"hf:ann/new@{commit}/{FILE}",
        True,
        True,
    )
    assert push(found, Place("ann/new"), "# other\n", public=True).private is False
    assert repo.private is False


@uploading
def test_what_a_repository_has_stays_unless_told(
    hub: Hub, repo: Repo, tiny_denoiser: Path, weights: bytes, token: None
) -> None:
    from aecli.checkpoints.hub import Place, push

    tiny_denoiser.write_bytes(weights)
    found = store.find("denoise", "tiny")
    assert push(found, Place("ann/tiny"), "# new\n").card is False
    repo.commit({FILE: b"other weights"})
    with pytest.raises(UsageError, match="hf:ann/tiny has another denoise-tiny"):
        push(found, Place("ann/tiny"), "# new\n")
    assert push(found, Place("ann/tiny"), "# new\n", overwrite=True).card is True
    files = repo.commits[repo.find("main")]
    assert (files[FILE], files["README.md"]) == (weights, b"# new\n")
    with pytest.raises(UsageError, match="more than a repository"):
        push(found, Place("ann/tiny", "v1"), "")


def test_a_push_needs_a_token_that_may(
    hub: Hub, tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aecli.checkpoints.hub import Place, push

    found = store.find("denoise", "tiny")
    with pytest.raises(AecliError, match="there is no token") as raised:
        push(found, Place("ann/new"), "")
    assert "hf auth login" in str(raised.value.hint)
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    with pytest.raises(AecliError, match="the hub answers 401: Invalid credentials") as raised:
        push(found, Place("ann/new"), "")
    assert "be allowed to" in str(raised.value.hint)
    assert hub.repos == {}
