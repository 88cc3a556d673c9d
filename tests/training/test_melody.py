"""Training models of melodies: two stages, transposition, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aecli.checkpoints import store
from aecli.errors import UsageError
from aecli.models.melody import SPEC
from aecli.models.rolls import HOLD, REST, rolls, symbols
from aecli.training import recipes
from aecli.training.fitting import MELODIES, fitted
from aecli.training.objectives.melody import melody, note_f1, transposed
from aecli.training.request import RunRequest
from aecli.training.trainer import Trained, run
from tests.tunes import tune, write

from .conftest import Recorder

TINY = (
    "model.preset=tiny",
    "data.batch=8",
    "run.validate_every=1000",
    "run.validate_share=1.0",
    "stage.1.run.steps=30",
    "stage.2.run.steps=10",
)


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    write(tmp_path / "tunes", 6)
    return tmp_path / "tunes"


def trained(tunes: Path, *settings: str, **request: Any) -> tuple[Trained, Recorder]:
    asked = RunRequest(
        "generate",
        [str(tunes)],
        "tunes",
        recipe=MELODIES,
        settings=(*TINY, *settings),
        device="cpu",
        **request,
    )
    recorder = Recorder()
    return run(asked, recorder), recorder


def test_two_stages_make_a_model_that_learns(tunes: Path, home: Path) -> None:
    made, recorder = trained(tunes)
    assert made.finished
    first, last = (metrics for _, metrics in recorder.validations)
    assert first.keys() == {"elbo", "note_f1", "reconstruction", "kl"}
    assert last.keys() == {"explained", "velocity", "note_f1"}
    assert first["reconstruction"] < 32 * np.log(66), "better than chance"
    assert last["note_f1"] == first["note_f1"], "the second stage leaves the autoencoder alone"
    model = store.load("generate", "tunes")
    assert model.meta.training["latent"] == [4]
    assert model.module.decode(torch.zeros(2, 4)).shape == (2, 1, 64, 64)


def test_tunes_choose_their_recipe(tunes: Path, images: Path) -> None:
    options = {"size": None, "grey": False, "classes": False, "latent": None}

    def chosen(data: Path, architecture: str | None = None) -> str | None:
        asked = RunRequest("generate", [str(data)], "x")
        return fitted(asked, **options, architecture=architecture).recipe

    assert chosen(tunes) == MELODIES
    assert chosen(tunes, "vae") == "vae"
    assert chosen(images) is None


def test_melodies_are_transposed_within_the_roll() -> None:
    rng = np.random.default_rng(0)
    before = symbols(rolls(torch.tensor([tune(rng) for _ in range(50)])))
    pictures = (255 * rolls(before)[:, 0]).byte()
    after = symbols(transposed(pictures, rng.random(50))[:, None] / 255)
    struck = before < HOLD
    assert torch.equal(struck, after < HOLD)
    assert torch.equal(before[~struck], after[~struck])
    moves = [set((b - a)[s].tolist()) for a, b, s in zip(before, after, struck, strict=True)]
    assert all(len(move) == 1 for move in moves)
    assert {step for move in moves for step in move} == set(range(-6, 7))
    edge = torch.zeros(2, 64, 64, dtype=torch.uint8)
    edge[0, 0, 1], edge[1, 63, 1] = 255, 255
    rows = [transposed(edge, np.full(2, share)).flatten(1).argmax(1) // 64 for share in (0, 0.999)]
    assert sorted(torch.cat(rows).tolist()) == [0, 6, 57, 63]


def test_impossible_objectives_are_refused() -> None:
    config = SPEC.presets["tiny"]
    with pytest.raises(UsageError, match="unknown loss 'l1'"):
        melody({}, "l1", config)
    with pytest.raises(UsageError, match=r"objective\.train cannot be 'all'"):
        melody({"train": "all"}, "cross_entropy", config)
    shipped = recipes.load("generate", MELODIES)
    assert [s.objective["train"] for s in recipes.stages(shipped)] == ["autoencoder", "prior"]


def test_notes_are_right_by_pitch_and_time() -> None:
    a = torch.tensor([[5, HOLD, 7, REST]])
    assert note_f1(a, a) == 1
    assert note_f1(a, torch.tensor([[5, 7, HOLD, REST]])) == pytest.approx(0.5)
    assert note_f1(a, torch.tensor([[REST, REST, REST, REST]])) == 0
