from __future__ import annotations

from pathlib import Path

import pytest

from .pictures import save


@pytest.fixture
def denoise(aecli, tiny_denoiser):
    """`aecli denoise -m tiny ...`."""
    return lambda *arguments, **options: aecli("denoise", "-m", "tiny", *arguments, **options)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png")
