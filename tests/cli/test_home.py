"""Users without a home, or with one that is not theirs to write: in containers, on clusters."""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path
from typing import Any

import pytest
import shellingham

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


@pytest.mark.parametrize(
    ("shell", "code", "says"),
    [
        ("bash", 2, """hint: `eval "$(aecli --show-completion)"` sets it up"""),
        ("fish", 2, "hint: `aecli --show-completion | source` sets it up"),
        ("dash", 2, "made for bash, zsh, fish and PowerShell; the shell here is dash"),
        (None, 2, "the shell here is not known"),
    ],
)
def test_completion_without_a_home_is_set_up_otherwise(
    aecli, monkeypatch: pytest.MonkeyPatch, shell: str | None, code: int, says: str
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    _called_by(shell, monkeypatch)
    monkeypatch.setattr(Path, "home", nowhere)
    refused = aecli("--install-completion")
    assert (refused.code, refused.out, "bug" in refused.err) == (code, b"", False)
    assert says in refused.err
    assert len(refused.err.splitlines()) == 2


def test_completion_of_a_home_that_takes_nothing_is_set_up_otherwise(
    aecli, monkeypatch: pytest.MonkeyPatch
) -> None:
    _called_by("bash", monkeypatch)
    monkeypatch.setattr(Path, "home", lambda: PHOTO / "home")
    refused = aecli("--install-completion")
    error, hint = refused.err.splitlines()
    assert refused.code == 1
    assert error.startswith("aecli: error: completion cannot be kept there: ")
    assert "aecli --show-completion" in hint


def test_completion_is_shown_without_a_home(aecli, monkeypatch: pytest.MonkeyPatch) -> None:
    _called_by("bash", monkeypatch)
    with pytest.raises(SystemExit) as ended:
        aecli("--show-completion")
    assert ended.value.code == 0
    _called_by("dash", monkeypatch)
    assert aecli("--show-completion").code == 2


def _called_by(shell: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program believe which shell called it."""

    def detected() -> tuple[str, str]:
        if shell is None:
            raise shellingham.ShellDetectionFailure
        return shell, f"/bin/{shell}"

    monkeypatch.setattr(shellingham, "detect_shell", detected)
