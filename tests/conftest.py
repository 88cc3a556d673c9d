"""What all tests share: an isolated home, seeds, and a tiny model that restores almost nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AECLI_HOME of the test's own."""
    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("AECLI_HOME", str(path))
    for name in ("AECLI_DEVICE", "AECLI_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture(scope="session")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from aecli.checkpoints import format as checkpoints
    from aecli.models.unet import SPEC

    torch.manual_seed(7)
    config = SPEC.presets["tiny"]
    module = SPEC.build(config)
    with torch.no_grad():
        for parameter in module.tail.parameters():
            parameter.normal_(0, 0.02)
    path = tmp_path_factory.mktemp("tiny") / "denoise-tiny.safetensors"
    meta = checkpoints.Meta(
        architecture="unet",
        config={"preset": "tiny"},
        task="denoise",
        tag="tiny",
        training={"data": "none", "sigma_max": 75},
    )
    checkpoints.save(path, module.state_dict(), meta)
    return path


@pytest.fixture
def tiny_denoiser(_tiny: Path, home: Path) -> Path:
    """A denoiser with random weights, installed as `-m tiny`: changes every pixel a little."""
    target = home / "models" / _tiny.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_tiny.read_bytes())
    return target
