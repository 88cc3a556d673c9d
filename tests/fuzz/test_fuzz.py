"""Some hundreds of mutants, in this process: an error in one line, or a picture; never a bug."""

from __future__ import annotations

import io
import time
import warnings
from pathlib import Path

import pytest

from aecli.checkpoints import format as checkpoints
from aecli.errors import AecliError, InputError, ModelError
from aecli.images import formats
from aecli.images.reading import decode
from aecli.images.writing import write
from tests import tiny
from tests.fuzz import samples
from tests.fuzz.mutants import mutants

PICTURES, MODELS = 300, 120


def plain(error: AecliError, name: str) -> bool:
    return name in error.message and "\n" not in error.message and len(error.message) < 1000


def test_the_samples_are_sound() -> None:
    for name, data in samples.pictures().items():
        assert decode(data, name=name).width in (16, 24)


def test_pictures() -> None:
    read = 0
    for name, data in mutants(samples.pictures(), PICTURES, seed=0):
        started = time.monotonic()
        try:
            with warnings.catch_warnings(action="ignore"):  # as the program does
                image = decode(data, name=name, max_pixels=10_000_000)
        except InputError as error:
            assert plain(error, name)
        else:
            read += 1
            write(image, io.BytesIO(), formats.writable(image.format))
        assert time.monotonic() - started < 10
    assert PICTURES // 10 < read < PICTURES


@pytest.mark.parametrize("use", [checkpoints.load, checkpoints.outline])
def test_models(use, tmp_path: Path) -> None:
    files = samples.checkpoints(tiny.models(tmp_path / "sound"))
    loaded = 0
    for name, data in [*files.items(), *mutants(files, MODELS, seed=0)]:
        path = tmp_path / name
        path.write_bytes(data)
        started = time.monotonic()
        try:
            use(path)
        except ModelError as error:
            assert plain(error, name)
        else:
            loaded += 1
        assert time.monotonic() - started < 10
    assert 3 <= loaded < len(files) + MODELS
