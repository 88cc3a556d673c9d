"""Users without a home, or with one that is not theirs to write: in containers, on clusters."""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path
from typing import Any

import pytest

from aecli.checkpoints import store
from tests.conftest import DATA

PHOTO = DATA / "noisy" / "taipei.png"
INSTEAD = "aecli: hint: AECLI_HOME=FOLDER is where models and training runs are kept instead"
NEED_ONE = {
    "models add": ("models", "add", store.bundled_folder() / "generate-mnist-2d.safetensors"),
    "train": ("train", "denoise", DATA / "clean", "--name", "mine", "--steps", "1"),
}
NEED_NONE = {
    "denoise": ("denoise", "photo.png", "-m", "gaussian"),
    "models": ("models", "list"),
    "config": ("config", "show"),
    "embed": ("embed", "photo.png", "-m", "mnist", "-o", "vectors.npz"),
}


@pytest.fixture(params=["of nobody", "not a folder"])
def homeless(
    request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> Path:
    """The working folder of a user whom the system does not know, or whose home is a file."""
    if request.param == "of nobody":

        def unknown(number: int) -> None:
            raise KeyError(number)

        monkeypatch.setattr(pwd, "getpwuid", unknown)
        for name in ("AECLI_HOME", "HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv("AECLI_HOME", str(PHOTO / "home"))
    shutil.copy(PHOTO, tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", NEED_NONE.values(), ids=NEED_NONE)
def test_what_needs_no_home_works(aecli, homeless: Path, arguments: tuple[object, ...]) -> None:
    result = aecli(*arguments)
    assert (result.code, "error" in result.err) == (0, False)
    assert not (homeless / "~").exists()


@pytest.mark.parametrize("arguments", NEED_ONE.values(), ids=NEED_ONE)
def test_what_needs_one_says_how_to_name_one(
    aecli, homeless: Path, arguments: tuple[object, ...]
) -> None:
    result = aecli(*arguments)
    error, hint = result.err.splitlines()
    assert (result.code, hint) == (2, INSTEAD)
    assert error.startswith("aecli: error: ")
    assert "no home folder" in error or f"{PHOTO / 'home' / 'models'} cannot be made" in error
    assert [path.name for path in homeless.iterdir()] == ["photo.png"]
