"""Melodies out of `aecli generate`: MIDI files, the rolls as pictures, and what is none."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.datasets.collecting import collect
from aecli.models.melody import SPEC
from tests import tiny
from tests.tunes import write

from .pictures import error, read


@pytest.fixture(autouse=True)
def _tunes(tmp_path: Path) -> None:
    """`tunes`, a model with random weights, and two tunes of four melodies."""
    config = SPEC.presets["tiny"]
    state = tiny.weights(SPEC.build(config), seed=3)
    meta = checkpoints.Meta("melody", dataclasses.asdict(config), "generate", "tunes", {})
    checkpoints.save(store.user_folder() / "generate-tunes.safetensors", state, meta)
    write(tmp_path / "in", 2)


def rolls(path: str) -> np.ndarray:
    return np.stack([item.image().pixels for item in collect([path])])


def test_melodies_are_heard_and_seen(generate) -> None:
    assert generate("-n", 8, "--seed", 1, "new.mid", m="tunes").code == 0
    assert generate("-n", 8, "--seed", 1, "--columns", 8, "new.png", m="tunes").code == 0
    heard, sheet = rolls("new.mid"), read("new.png")
    seen = np.stack([sheet[:, 66 * k :][:, :64] for k in range(8)])
    assert np.array_equal(heard, seen[seen.any(axis=(1, 2))])


def test_the_way_between_tunes_and_back_from_latents(generate) -> None:
    ends = ("in/0.mid", "in/1.mid::2")
    assert generate("--interpolate", *ends, "--steps", 5, "way.mid", m="tunes").code == 0
    assert 0 < len(rolls("way.mid")) <= 5
    done = generate("--reconstruct", "in/0.mid", "there.mid", m="tunes")
    assert done.code == 0
    assert sum("in/0.mid::" in line for line in done.lines) == 4


def test_tunes_are_embedded_with_their_model(generate, aecli) -> None:
    result = aecli("embed", "in", "--nearest", "in/0.mid", "-k", 1, "--device", "cpu")
    assert result.code == 3
    assert "no model 'melodies'" in result.err
    result = aecli("embed", "in", "-m", "tunes", "--nearest", "in/0.mid", "-k", 1)
    assert result.code == 0
    assert "in/" in result.lines[0]


def test_music_is_of_one_model(generate) -> None:
    twice = ("-m", "tunes", "-m", "tunes")
    result = generate(*twice, "--reconstruct", "in/0.mid", "a.mid")
    assert "a.mid: music is of one model" in error(result, 2)


def test_pictures_that_are_no_rolls_are_not_heard(generate) -> None:
    result = generate("a.mid")
    assert "a.mid: the pictures of spots are no piano rolls" in error(result, 2)
    assert "models that can: tunes" in result.err
