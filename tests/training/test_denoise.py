from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from aecli.checkpoints import format as checkpoints
from aecli.errors import UsageError
from aecli.models.unet import UNet, UNetConfig
from aecli.training.degradations.draws import Draws
from aecli.training.objectives.denoise import FLOOR, Denoise
from tests.images.samples import noise

from .test_loop import StopAt

CAMERA = "objective.noise=camera"
CPU = torch.device("cpu")


def drawn(table: dict[str, Any], count: int = 60) -> dict[str, torch.Tensor]:
    """A batch of samples from one blocky picture."""
    clean = np.kron(noise(8, 8, 3), np.ones((4, 4, 1), np.uint8))
    batch = torch.from_numpy(clean).permute(2, 0, 1)[None].float().repeat(count, 1, 1, 1) / 255
    draws = Draws(0, range(count), CPU)
    return Denoise(table, "l1").degrade(batch, draws, np.zeros(count, bool))


def levels(batch: dict[str, torch.Tensor]) -> np.ndarray:
    """Root mean square of what is to be removed, 0-255 scale."""
    return (batch["input"] - batch["target"]).square().mean((1, 2, 3)).sqrt().numpy() * 255


@pytest.mark.parametrize("kind", ["white", "camera"])
def test_the_level_is_what_the_noise_measures(kind: str) -> None:
    batch = drawn({"noise": kind})
    assert batch["input"].shape == batch["target"].shape == (60, 3, 32, 32)
    assert batch["sigma"].flatten().numpy() * 255 == pytest.approx(levels(batch), abs=1e-3)
    assert levels(batch).max() > 5 * levels(batch).min()


def test_unless_jittered_the_true_level_is_told() -> None:
    batch = drawn({"sigma_max": 255})
    assert torch.allclose(batch["told"], batch["sigma"], atol=1e-6)
    assert not batch["blind"].any()


def test_a_share_of_the_crops_is_clean_and_stays_as_it_is() -> None:
    batch = drawn({"clean": 0.5}, 200)
    clean = batch["sigma"].flatten() == 0
    assert 70 <= int(clean.sum()) <= 130
    assert torch.equal(batch["input"][clean], batch["target"][clean])


def test_jitter_blurs_what_is_told_within_the_trained_range() -> None:
    batch = drawn({"noise": "camera", "sigma_jitter": 0.3, "sigma_max": 20}, 600)
    true, told = (batch[k].flatten().numpy() * 255 for k in ("sigma", "told"))
    inside = (true > 2) & (true < 10)
    ratios = np.log((told[inside] + 0.5) / (true[inside] + 0.5))
    assert float(np.std(ratios)) == pytest.approx(0.3, abs=0.05)
    assert told.min() >= 0
    assert told.max() <= 20 + 1e-3


def test_a_blind_share_is_told_the_networks_own_estimate() -> None:
    class Listener(torch.nn.Module):
        told: torch.Tensor

        def restore(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            self.told = sigma
            return x

        def estimate_sigma(self, x: torch.Tensor) -> torch.Tensor:
            return x.new_full((len(x),), 0.2)

    batch = drawn({"blind": 0.5}, 200)
    listener = Listener()
    Denoise({"blind": 0.5}, "l1").loss(listener, batch, 0.0)
    blind = batch["blind"].flatten() == 1
    assert 70 <= int(blind.sum()) <= 130
    assert torch.allclose(listener.told[blind], torch.tensor(0.2))
    assert torch.equal(listener.told[~blind], batch["told"][~blind])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"noise": "camra"}, "unknown noise 'camra'"),
        ({"clean": 1.5}, "clean and blind must lie"),
        ({"graphics": -1}, "graphics must lie between 0 and 1"),
        ({"sigma_jitter": -1}, "not be negative"),
        ({"white": 0.8, "coloured": 0.8}, "1 at most together"),
    ],
)
def test_bad_settings_are_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Denoise(table, "l1")


def tiny() -> UNet:
    return UNet(UNetConfig(widths=(8,), blocks=(0,), estimator=4, scales=2))


def validated(objective: Denoise, pictures: list[np.ndarray]) -> dict[str, float]:
    with torch.inference_mode():
        return objective.validate(tiny(), pictures, CPU).metrics


def test_the_validation_scores_clean_pictures_too() -> None:
    metrics = validated(Denoise({"noise": "camera"}, "l1"), [noise(32, 32, 3)] * 3)
    kinds = ["clean", "coloured", "camera", "sigma15", "sigma25", "sigma50"]
    assert list(metrics) == ["psnr", *(f"psnr_{k}" for k in kinds), "sigma_error"]
    assert metrics["psnr_clean"] > 30, "a network that starts does nothing, but to JPEG's traces"
    assert metrics["psnr"] == pytest.approx(np.mean([metrics[f"psnr_{k}"] for k in kinds[1:]]))
    assert metrics["psnr_sigma15"] > metrics["psnr_sigma25"] > metrics["psnr_sigma50"]


def test_white_noise_is_validated_in_colour_and_beside_it_in_grey() -> None:
    objective = Denoise({"val_sigmas": [10, 40]}, "l1")
    colour = validated(objective, [noise(64, 64, 3)])
    grey = validated(objective, [noise(64, 64)])
    assert colour["psnr"] == pytest.approx((colour["psnr_sigma10"] + colour["psnr_sigma40"]) / 2)
    assert colour["psnr_grey10"] > colour["psnr_grey40"]
    # A start does nothing, so the noise is what is measured: in grey one value in all channels.
    assert colour["psnr_grey40"] != pytest.approx(colour["psnr_sigma40"], abs=1e-4)
    assert grey["psnr_grey10"] == pytest.approx(grey["psnr_sigma10"], abs=0.5)


def test_a_camera_model_says_what_it_removes(train: Any) -> None:
    trained, _ = train("camera", CAMERA, "objective.clean=0.2", steps=3)
    meta = checkpoints.read_meta(trained.model)
    assert meta.training["noise"] == "camera"
    assert meta.metrics["psnr_clean"] > 0


@torch.inference_mode()
def test_the_estimator_is_scored_on_each_crop_alone() -> None:
    module, batch = tiny(), drawn({}, 2)
    levels = torch.cat([module.estimate_sigma(x[None]) for x in batch["input"]])
    errors = ((levels + FLOOR) / (batch["sigma"].flatten() + FLOOR)).log().abs()
    loss = Denoise({}, "l1").loss(module, batch, 0.0)
    assert loss["estimate"].item() == pytest.approx(0.01 * errors.mean().item(), rel=1e-3)


def test_a_model_to_start_from_brings_its_objective_but_a_recipe_goes_before(train: Any) -> None:
    train("camera", CAMERA, steps=1)
    same, _ = train("same", steps=1, start="camera")
    assert checkpoints.read_meta(same.model).training["noise"] == "camera"
    other, _ = train("other", "objective.noise=white", steps=1, start="camera")
    assert checkpoints.read_meta(other.model).training["noise"] == "white"
    other, _ = train("recipe", steps=1, start="camera", recipe="gaussian")
    assert checkpoints.read_meta(other.model).training["noise"] == "white"


def test_muon_resumes_where_it_stopped(train: Any) -> None:
    settings = "optim.optimiser=muon", "model.widths=[32,32]"
    whole, _ = train("whole", *settings, steps=6)
    first, _ = train("parts", *settings, steps=6, observer=StopAt(4))
    assert not first.finished
    second, _ = train("parts", resume=True)
    a, b = (load_file(t.model) for t in (whole, second))
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_another_optimisers_state_is_refused(train: Any) -> None:
    train("adam", "model.widths=[32,32]", steps=2)
    with pytest.raises(UsageError, match="another optimiser"):
        train("adam", "optim.optimiser=muon", resume=True, steps=4)
