"""What all tests share: an isolated home, small pictures, and a tiny model that changes little."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from aecli.checkpoints import store

from . import hub as hubs
from . import tiny

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).resolve().parents[2] / "shared"

# The same examples every time, and no time limit: a busy machine must not fail a test.
hypothesis.settings.register_profile("aecli", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("aecli")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the pictures in tests/golden/ anew instead of comparing with them",
    )


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AECLI_HOME of the test's own."""
    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("AECLI_HOME", str(path))
    for name in ("AECLI_DEVICE", "AECLI_ENGINE", "AECLI_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture(scope="session")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.denoiser(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny_denoiser(_tiny: Path, home: Path) -> Path:
    """A denoiser with random weights, installed as `-m tiny`: changes every pixel a little."""
    target = home / "models" / _tiny.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(_tiny.read_bytes())
    return target


@pytest.fixture(scope="session")
def _tiny_upscalers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny.upscalers(folder)
    return folder


@pytest.fixture
def tiny_upscaler(_tiny_upscalers: Path, home: Path) -> Path:
    """Upscalers with random weights for x2, x3 and x4, installed as `-m tiny`; their folder."""
    target = home / "models"
    shutil.copytree(_tiny_upscalers, target, dirs_exist_ok=True)
    return target


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small pictures of smooth shapes, one of them grey, one narrower than a crop."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(5)
    for number, (width, height) in enumerate(
        [(64, 48), (50, 70), (40, 40), (20, 90), (64, 64), (48, 48)]
    ):
        coarse = rng.integers(0, 256, (4, 5) if number == 2 else (4, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / f"image{number}.png")
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Models this small gain nothing from a second thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def nothing_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shipped weights: only those that a test installs are there."""
    monkeypatch.setattr(store, "bundled_folder", lambda: tmp_path / "nothing")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[hubs.Hub]:
    """A hub on this machine, which huggingface_hub asks instead of the real one; no token."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setenv("no_proxy", "*")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "no tokens"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # which is another server's
    with hubs.running() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server
