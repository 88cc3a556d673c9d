from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from aecli.checkpoints import format as checkpoints
from aecli.errors import UsageError
from aecli.models.unet import UNet, UNetConfig
from aecli.training.objectives.denoise import Denoise
from tests.images.samples import noise

from .test_loop import StopAt

CAMERA = "objective.noise=camera"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def samples(table: dict[str, Any], count: int = 60) -> list[dict[str, Any]]:
    objective = Denoise(table, "l1")
    clean = np.ascontiguousarray(np.kron(noise(8, 8, 3), np.ones((4, 4, 1), np.uint8)))
    return [objective.sample(clean, rng(seed)) for seed in range(count)]


def level(sample: dict[str, Any]) -> float:
    difference = sample["input"].astype(float) - sample["target"]
    return float(np.sqrt(np.square(difference).mean()))


def test_white_noise_is_told_exactly() -> None:
    for sample in samples({}):
        assert sample["told"] == sample["sigma"]
        assert sample["input"].shape == sample["target"].shape == (32, 32, 3)


def test_a_cameras_level_is_what_its_noise_measures() -> None:
    drawn = samples({"noise": "camera"})
    for sample in drawn:
        assert float(sample["sigma"].item()) * 255 == pytest.approx(level(sample), abs=1e-3)
    assert max(map(level, drawn)) > 3 * min(map(level, drawn)) > 0


def test_a_share_of_the_crops_is_clean_and_stays_as_it_is() -> None:
    drawn = samples({"noise": "camera", "clean": 0.5}, 100)
    clean = [s for s in drawn if s["sigma"] == 0]
    assert 35 <= len(clean) <= 65
    assert all((s["input"] == s["target"]).all() for s in clean)


def test_doubt_blurs_what_is_told_within_the_trained_range() -> None:
    drawn = samples({"noise": "camera", "doubt": 0.3, "sigma_max": 20, "clean": 0.1}, 600)
    ratios = [
        np.log((s["told"].item() * 255 + 0.5) / (s["sigma"].item() * 255 + 0.5))
        for s in drawn
        if 2 < s["sigma"].item() * 255 < 10
    ]
    assert float(np.std(ratios)) == pytest.approx(0.3, abs=0.05)
    assert all(0 <= s["told"] * 255 <= 20 + 1e-3 for s in drawn)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"noise": "camra"}, "unknown noise 'camra'"),
        ({"clean": 1.5}, "clean must lie"),
        ({"doubt": -1}, "not be negative"),
    ],
)
def test_bad_settings_are_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Denoise(table, "l1")


def test_the_validation_scores_clean_pictures_too() -> None:
    objective = Denoise({"noise": "camera"}, "l1")
    module = UNet(UNetConfig(widths=(8,), blocks=(0,), estimator=4))
    with torch.inference_mode():
        score = objective.validate(module, [noise(32, 32, 3)], torch.device("cpu"))
    assert list(score.metrics) == [
        "psnr",
        "psnr_clean",
        "psnr_weak",
        "psnr_middling",
        "psnr_strong",
        "sigma_error",
    ]
    assert score.metrics["psnr_clean"] > 60, "a network that starts does nothing"
    noisy = [score.metrics[f"psnr_{name}"] for name in ("weak", "middling", "strong")]
    assert score.metrics["psnr"] == pytest.approx(np.mean(noisy))
    assert score.metrics["psnr_weak"] > score.metrics["psnr_strong"]


def test_white_noise_is_validated_in_colour_and_beside_it_in_grey() -> None:
    objective = Denoise({"val_sigmas": [10, 40]}, "l1")
    module = UNet(UNetConfig(widths=(8,), blocks=(0,), estimator=4))
    with torch.inference_mode():
        colour = objective.validate(module, [noise(64, 64, 3)], torch.device("cpu")).metrics
        grey = objective.validate(module, [noise(64, 64)], torch.device("cpu")).metrics
    assert colour["psnr"] == pytest.approx((colour["psnr_sigma10"] + colour["psnr_sigma40"]) / 2)
    assert colour["psnr_grey10"] > colour["psnr_grey40"]
    # A start does nothing, so the noise is what is measured: in grey one value in all channels.
    assert grey["psnr_grey40"] != pytest.approx(grey["psnr_sigma40"], abs=1e-4)
    assert colour["psnr_grey40"] != pytest.approx(colour["psnr_sigma40"], abs=1e-4)
    assert grey["psnr_grey10"] == pytest.approx(grey["psnr_sigma10"], abs=0.5)


def test_a_camera_model_says_what_it_removes(train: Any) -> None:
    trained, _ = train("camera", CAMERA, "objective.clean=0.2", steps=3)
    meta = checkpoints.read_meta(trained.model)
    assert meta.training["noise"] == "camera"
    assert meta.metrics["psnr_clean"] > 0


@torch.inference_mode()
def test_the_estimator_is_scored_on_each_crop_alone() -> None:
    objective = Denoise({}, "l1")
    module = UNet(UNetConfig(widths=(8,), blocks=(0,), estimator=4))
    drawn = samples({}, 2)
    batch = {k: torch.from_numpy(np.stack([s[k] for s in drawn])) for k in drawn[0]}
    errors = []
    for sample in drawn:
        crop = torch.from_numpy(sample["input"])[None].permute(0, 3, 1, 2) / 255
        levels = module.estimate_sigma(crop), sample["sigma"]
        estimate, truth = (255 * level.item() + 0.5 for level in levels)
        errors.append(abs(np.log(estimate / truth)))
    loss = objective.loss(module, batch, 0.0)
    assert loss["estimate"].item() == pytest.approx(0.01 * np.mean(errors), rel=1e-3)


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
