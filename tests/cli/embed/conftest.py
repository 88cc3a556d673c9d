from __future__ import annotations

from pathlib import Path

import pytest

from tests import blobs

from .spots import spot


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, one_thread) -> None:
    monkeypatch.chdir(tmp_path)
    blobs.register(monkeypatch)
    blobs.install("photo", task="embed", latent=3)
    blobs.install("other", task="embed", latent=2)
    blobs.install("knows", task="embed", training=blobs.KNOWS)


@pytest.fixture(autouse=True)
def folder(_models) -> None:
    """Two folders of two spots each: in/a to the right, in/b/deep below."""
    for name, x, y in [("a/1", 2, 0), ("a/2", 2, 0.5), ("b/deep/3", 0, 2), ("b/deep/4", 1, 2)]:
        path = Path("in", f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        spot(x, y).save(path)


@pytest.fixture
def embed(aecli):
    """`aecli embed --engine torch --device cpu ...`."""

    def call(*arguments: object, stdin: bytes = b""):
        exact = ("--engine", "torch", "--device", "cpu")
        return aecli("embed", *arguments, *exact, stdin=stdin)

    return call
