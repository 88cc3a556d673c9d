from __future__ import annotations

from pathlib import Path

import pytest

from tests import blobs


@pytest.fixture(autouse=True)
def _models(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, one_thread, nothing_bundled
) -> None:
    monkeypatch.chdir(tmp_path)
    blobs.register(monkeypatch)
    blobs.install("spots")
    blobs.install("many", latent=5)
    blobs.install("kinds", classes=("dim", "middle", "bright"))
    blobs.install("tiles", "mosaic")


@pytest.fixture
def generate(aecli):
    """`aecli generate --engine torch --device cpu --precision fp32 -m spots ...`."""

    def call(*arguments: object, m: str = "spots", **options):
        exact = ("--engine", "torch", "--device", "cpu", "--precision", "fp32")
        model = () if "-m" in arguments else ("-m", m)
        return aecli("generate", *exact, *model, *arguments, **options)

    return call


@pytest.fixture
def ends(generate) -> tuple[str, str]:
    """Two pictures that `spots` can make."""
    assert generate("-n", 2, "--seed", 1, "ends/").code == 0
    return "ends/00000.png", "ends/00001.png"
