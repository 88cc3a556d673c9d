from __future__ import annotations

from pathlib import Path

import pytest

from .pictures import save


@pytest.fixture
def upscale(aecli, tiny_upscaler):
    """`aecli upscale -m tiny ...`."""
    return lambda *arguments, **options: aecli("upscale", "-m", "tiny", *arguments, **options)


@pytest.fixture
def photo() -> Path:
    """30 pixels wide, 24 high."""
    return save("photo.png")
