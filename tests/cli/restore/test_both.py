"""What holds of both commands that make pictures from pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .denoise.pictures import save

BOTH = pytest.mark.parametrize("command", ["denoise", "upscale"])


@pytest.fixture
def photo(tiny_denoiser, tiny_upscaler) -> Path:
    """One for both tiny models."""
    return save("photo.png")


@BOTH
def test_a_reader_that_went_away_ends_the_run_quietly(python, photo: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        arguments = ("-m", "aecli", command, "-q", "-m", "tiny", photo, "-o", "-")
        done = python(*arguments, stdout=closed)
    assert (done.returncode, done.stderr) == (1, b"")


@BOTH
def test_a_dry_run_imports_no_torch(python, photo: Path, command: str) -> None:
    code = (
        "import sys; from aecli.cli.app import run;"
        f"assert run([{command!r}, '-m', 'tiny', {str(photo)!r}, '--dry-run']) == 0;"
        "sys.exit('torch' in sys.modules)"
    )
    assert python("-c", code).returncode == 0
