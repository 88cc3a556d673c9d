from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aecli.checkpoints import format as checkpoints
from aecli.errors import UsageError
from aecli.models.upscaler import Upscaler, UpscalerConfig
from aecli.training.degradations.draws import Draws
from aecli.training.degradations.resize import shrink
from aecli.training.fitting import fit
from aecli.training.objectives import restoring
from aecli.training.objectives.upscale import Upscale
from aecli.training.request import RunRequest
from aecli.training.trainer import run

from .. import tiny
from .conftest import Recorder


def request(images: Path, name: str, scale: int, *settings: str, **more: object) -> RunRequest:
    return RunRequest(
        task="upscale",
        data=[str(images)],
        name=name,
        settings=(
            *tiny.SETTINGS,
            "data.crop=48",
            "data.val_crop=48",
            f"model.scale={scale}",
            *settings,
        ),
        device="cpu",
        **more,
    )


@pytest.mark.parametrize("degradation", ["bicubic", "photo"])
def test_batches_are_pairs_of_small_and_large(degradation: str) -> None:
    objective = Upscale({"degradation": degradation}, "l1", UpscalerConfig(scale=3))
    clean = torch.randint(0, 256, (4, 3, 24, 36)).div(255)
    draws = Draws(0, range(4), torch.device("cpu"))
    batch = objective.degrade(clean, draws, np.zeros(4, bool))
    assert batch["input"].shape == (4, 3, 8, 12)
    assert torch.equal(batch["target"], clean)
    assert torch.equal(batch["input"], shrink(clean, 3)) is (degradation == "bicubic")


def test_validation_is_the_same_in_any_precision() -> None:
    """What a network is shown does not depend on what it computes in."""
    model = Upscaler(UpscalerConfig(scale=2, widths=(8,), blocks=(1,)))
    held_out = list(np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), np.uint8))
    objective, cpu = Upscale({}, "l1", model), torch.device("cpu")
    with torch.no_grad():
        full = objective.validate(model, held_out, cpu)
        with torch.autocast("cpu", torch.bfloat16):
            half = objective.validate(model, held_out, cpu)
    assert half.metrics["psnr_bicubic"] == full.metrics["psnr_bicubic"]
    assert len(full.rows) == 2 and full.rows[0][0].shape == (32, 32, 3)


def test_the_luma_may_count_beside_the_colours() -> None:
    model = Upscaler(UpscalerConfig(scale=2, widths=(8,), blocks=(1,)))
    batch = {"input": torch.zeros(1, 3, 8, 8), "target": torch.zeros(1, 3, 16, 16)}
    batch["target"][:, 1] = 1
    with torch.no_grad():
        plain = Upscale({}, "l1", model).loss(model, batch, 0.0)
        both = Upscale({"luma": 2}, "l1", model).loss(model, batch, 0.0)
    assert plain.keys() == {"pixel"}
    assert float(plain["pixel"]) == float(both["pixel"]) == pytest.approx(1 / 3)
    assert float(both["luma"]) == pytest.approx(2 * 0.587)
    with pytest.raises(UsageError, match="luma must not be negative"):
        Upscale({"luma": -1}, "l1", model)


def test_text_and_charts_may_be_among_the_crops(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only where they are wanted."""
    monkeypatch.setattr(restoring, "GRAPHICS", 7)
    shares: list[float] = []

    def watched(
        self: Upscale, clean: torch.Tensor, draws: Draws, extra: NDArray[np.bool_]
    ) -> dict[str, torch.Tensor]:
        shares.append(float(extra.mean()))
        return degrade(self, clean, draws, extra)

    degrade = Upscale.degrade
    monkeypatch.setattr(Upscale, "degrade", watched)
    run(request(images, "plain-x2", 2, "data.batch=64", steps=1), Recorder())
    assert set(shares) == {0}
    shares.clear()
    settings = ("objective.graphics=0.5", "data.batch=64")
    run(request(images, "mixed-x2", 2, *settings, steps=1), Recorder())
    assert shares and all(0.25 < share < 0.75 for share in shares)
    with pytest.raises(UsageError, match="graphics must lie between 0 and 1"):
        Upscale({"graphics": 2}, "l1", UpscalerConfig())


def test_unknown_degradations_name_the_known() -> None:
    with pytest.raises(UsageError, match="unknown degradation 'bicubicc'") as caught:
        Upscale({"degradation": "bicubicc"}, "l1", UpscalerConfig())
    assert "bicubic" in (caught.value.hint or "")


def test_a_run_learns_and_says_what_it_learnt(images: Path) -> None:
    recorder = Recorder()
    trained = run(
        request(images, "mine-x2", 2, "objective.degradation=bicubic", "data.batch=8", steps=120),
        recorder,
    )
    assert trained.model is not None
    assert trained.model.name == "upscale-mine-x2.safetensors"
    first, last = recorder.validations[0][1], recorder.validations[-1][1]
    assert last["psnr"] > first["psnr"]
    assert last["psnr"] > last["psnr_bicubic"]
    meta = checkpoints.read_meta(trained.model)
    assert meta.training["scale"] == 2
    assert meta.training["degradation"] == "bicubic"


def test_x3_starts_from_x2(images: Path) -> None:
    run(request(images, "mine-x2", 2, steps=2), Recorder())
    recorder = Recorder()
    trained = run(request(images, "mine-x3", 3, steps=2, start="mine"), recorder)
    assert trained.model is not None
    assert checkpoints.load(trained.model).geometry.scale == 3
    assert [w for w in recorder.warnings if "start at random" in w] == [
        "2 of 20 weight tensors start at random"
    ]


def test_the_scale_follows_from_the_start_and_the_start_from_the_scale(images: Path) -> None:
    fitted = fit(RunRequest(task="upscale", data=[str(images)], name="mine", start="clean-x4"))
    assert (fitted.name, fitted.start) == ("mine-x4", "clean-x4")
    asked = RunRequest(task="upscale", data=[str(images)], name="mine", start="clean")
    assert fit(asked).start == "clean-x2"
    fitted = fit(asked, scale=3)
    assert (fitted.name, fitted.start) == ("mine-x3", "clean-x3")
    fitted = fit(replace(asked, start="clean-x2"), scale=3)
    assert (fitted.name, fitted.start) == ("mine-x3", "clean-x2")
    fitted = fit(replace(asked, start=None, settings=("model.scale=4",)))
    assert fitted.name == "mine-x4"


@pytest.mark.parametrize("scale", ["four", "2.5", "0"])
def test_a_scale_that_is_none_is_refused(images: Path, scale: str) -> None:
    asked = RunRequest(task="upscale", data=[str(images)], name="mine")
    with pytest.raises(UsageError, match="scale must be"):
        fit(replace(asked, settings=(f"model.scale={scale}",)))
