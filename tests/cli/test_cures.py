"""Lower rooms say what is wrong; here, that the command line says what cures it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from aecli.cli import cures
from aecli.errors import Reason, UsageError

from .restore.pictures import save

PAGES = ("denoise", "upscale", "generate", "train generate", "models add")


def test_every_reason_has_a_cure() -> None:
    assert set(cures.CURES) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_cures_name_options_that_there_are(aecli, reason: Reason) -> None:
    help_text = "".join(aecli(*page.split(), "--help").out.decode() for page in PAGES)
    options = re.findall(r"(?<!\w)--?[a-z0-9][a-z0-9-]*", cures.CURES[reason])
    assert options
    for option in options:
        assert re.search(rf"(?<![\w-]){option}\b", help_text), option


def test_an_errors_own_hint_comes_first() -> None:
    assert cures.hint(UsageError("x", "y", reason=Reason.EXISTS)) == "y"
    assert cures.hint(UsageError("x")) is None


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (["folder"], "-r looks into its folders, too"),
        (["a.png", "--max-pixels", 5], "--max-pixels sets the limit"),
        (["--files-from", "list"], "-0 reads such lists"),
        (["a.png", "b.png", "-o", "x.png"], "-o FOLDER/ is a folder"),
        (["a.png", "b.png", "-o", "-"], "-o names a folder"),
        (["a.png", "-o", "x"], "-f names one; -o FOLDER/ is a folder"),
        (["a.png", "c/a.png", "-o", "out/"], "--template '{parent}_{stem}.{ext}' keeps them apart"),
    ],
)
def test_cures_reach_the_user(
    aecli, tiny_denoiser, tmp_path, monkeypatch, arguments, cure: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder/deeper").mkdir(parents=True)
    (tmp_path / "list").write_bytes(b"a.png\0b.png\0")
    for name in ("a.png", "b.png", "c/a.png"):
        save(name, np.full((4, 4), 10, np.uint8))
    result = aecli("denoise", "-m", "tiny", *arguments)
    assert result.code in (1, 2)
    assert cure in next(line for line in result.err.splitlines() if "hint: " in line)
