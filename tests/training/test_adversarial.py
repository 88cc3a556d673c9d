"""The objective of sharp super-resolution: its terms, and a run with two networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from aecli.checkpoints import format as checkpoints
from aecli.errors import ModelError, UsageError
from aecli.models.upscaler import Upscaler, UpscalerConfig
from aecli.training.critic import CELL, Critic
from aecli.training.degradations.draws import Draws
from aecli.training.objectives import restoring
from aecli.training.objectives.adversarial import Adversarial, busy, moved, repeated
from aecli.training.perceptual import Features, distance
from aecli.training.state import State

from .conftest import Recorder
from .test_loop import StopAt
from .test_upscale import request

SETTINGS = (
    "objective.name=adversarial",
    "objective.features=tiny",
    "objective.critic=4",
    "objective.graphics=0.25",
)

pytestmark = pytest.mark.usefixtures("tiny_denoiser", "few_graphics")


@pytest.fixture
def few_graphics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "GRAPHICS", 7)


def made(**table: Any) -> tuple[Adversarial, Upscaler, dict[str, Tensor]]:
    """An objective with its critic, a model, and a batch."""
    torch.manual_seed(0)
    model = Upscaler(UpscalerConfig(scale=2, widths=(8,), blocks=(1,)))
    objective = Adversarial({"features": "tiny", "critic": 4, **table}, "l1", model)
    objective.opponent()
    clean = torch.randint(0, 256, (3, 3, 32, 32)).div(255)
    draws = Draws(0, range(3), torch.device("cpu"))
    return objective, model, dict(objective.degrade(clean, draws, np.array([True, False, False])))


def reached(term: Tensor, *networks: torch.nn.Module) -> list[bool]:
    """Whether a term of the loss gives gradients to each of the networks."""
    term.backward()
    return [any(p.grad is not None for p in network.parameters()) for network in networks]


@pytest.mark.parametrize(
    ("term", "trains"),
    [
        ("pixel", [True, False, False]),
        ("grid", [True, False, False]),
        ("perceptual", [True, False, False]),
        ("adversarial", [True, False, False]),
        ("critic", [False, True, False]),
    ],
)
def test_each_term_trains_one_network(term: str, trains: list[bool]) -> None:
    objective, model, batch = made()
    terms = objective.loss(model, batch, 0.0)
    assert list(terms) == ["pixel", "grid", "perceptual", "adversarial", "critic"]
    assert reached(terms[term], model, objective.critic, objective.features) == trains


def test_the_critic_learns_to_tell_and_the_network_to_deceive() -> None:
    """Down the one's gradient the real looks more real than the other, down the other's less."""
    objective, model, batch = made()

    def contest() -> dict[str, Tensor]:
        return objective.contest(model.upscale(batch["input"]), batch)

    for term, network in (("critic", objective.critic), ("adversarial", model)):
        before = contest()
        before[term].backward()
        with torch.no_grad():
            for p in network.parameters():
                if p.grad is not None:
                    p -= 1e-2 * p.grad / p.grad.norm().clamp_min(1e-12)
                    p.grad = None
        assert float(contest()[term].detach()) < float(before[term].detach())


def test_the_critic_is_not_heard_of_graphics_and_where_nothing_is() -> None:
    _, _, batch = made()
    assert batch["busy"].shape == (3, 1, 32 // CELL, 32 // CELL)
    assert float(batch["busy"][0].max()) == 0
    assert float(batch["busy"][1:].min()) > 0.5
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert float(busy(ramp)[..., 4:-4].max()) < 0.01


def test_pictures_are_moved_by_their_numbers_in_the_run() -> None:
    """Not by their places in a batch, which several ranks share."""
    objective, _, _ = made()
    clean = torch.rand(8, 3, 16, 16)
    draws = Draws(0, range(100, 108), torch.device("cpu"))
    by = objective.degrade(clean, draws, np.zeros(8, bool))["rolled"]
    assert torch.equal(
        by[4:],
        objective.degrade(clean[4:], draws.rows(np.arange(4, 8)), np.zeros(4, bool))["rolled"],
    )
    assert len({tuple(pair) for pair in by.tolist()}) == 8
    for before, after, (down, right) in zip(clean, moved(clean, by), by.tolist(), strict=True):
        assert torch.equal(after, before.roll((down, right), (1, 2)))


@pytest.mark.parametrize("axis", [2, 3])
def test_the_critics_grid_leaves_no_grid_in_the_gradient(axis: int) -> None:
    """Every row and column of a cell hears as much of the critic as the others."""
    objective, _, _ = made(critic=8)
    pictures = torch.rand(16, 3, 64, 64)
    batch = {
        "input": pictures[..., ::2, ::2],
        "target": pictures,
        "busy": torch.ones(16, 1, 16, 16),
        "rolled": torch.cartesian_prod(torch.arange(CELL), torch.arange(CELL)),
    }
    output = torch.rand(16, 3, 64, 64, requires_grad=True)
    objective.contest(output, batch)["adversarial"].backward()
    assert output.grad is not None
    energy = output.grad.square().transpose(axis, 3).flatten(0, 2).mean(0)[8:-8]
    phases = energy.view(-1, CELL).mean(0)
    assert float(phases.max() / phases.min()) < 1.25


def test_features_tell_pictures_apart_and_stay_as_they_are() -> None:
    features = Features("tiny")
    pictures = torch.rand(2, 3, 16, 16)
    levels = features(pictures)
    assert [tuple(level.shape) for level in levels] == [(2, 16, 8, 8)]
    assert torch.allclose(levels[0].norm(dim=1), torch.ones(2, 8, 8), atol=1e-5)
    assert float(distance(levels, levels).max()) == pytest.approx(1e-3)
    assert float(distance(levels, features(pictures.flip(0))).min()) > 0.01
    assert not any(p.requires_grad for p in features.parameters())


def test_the_critic_scores_places() -> None:
    scores = Critic(4)(torch.rand(2, 3, 24, 36), torch.rand(2, 3, 24, 36))
    assert scores.shape == (2, 1, 6, 9)


def test_the_critic_sees_fine_detail() -> None:
    """Noise that eyes see, 4 levels, counts beside a change to another picture."""
    torch.manual_seed(0)
    critic = Critic(8)
    some, others = (torch.rand(4, 3, 1, 1).expand(4, 3, 32, 32) for _ in range(2))
    with torch.no_grad():
        before, another = critic(some, some), critic(others, others)
        noisy = critic(some + 4 / 255 * torch.randn(4, 3, 32, 32), some)
    assert float((noisy - before).std()) > 0.2 * float((another - before).abs().mean())


def test_validation_tells_how_much_detail_there_is() -> None:
    objective, _, _ = made()
    clean = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    same = objective.figures(clean, clean)
    assert same["detail"] == 1
    assert same["perceptual"] == pytest.approx(1e-3)
    flat = objective.figures(clean, np.full_like(clean, 128))
    assert flat["detail"] == 0
    assert flat["perceptual"] > same["perceptual"]
    assert flat["psnr"] < 20


def test_a_run_goes_on_with_its_critic_to_the_same_weights(images: Path) -> None:
    from aecli.training.trainer import run

    whole = run(request(images, "whole-x2", 2, *SETTINGS, steps=12), Recorder())
    first = run(request(images, "parts-x2", 2, *SETTINGS, steps=12), StopAt(4))
    assert not first.finished
    second = run(request(images, "parts-x2", 2, resume=True), Recorder())
    states = [State.load(trained.folder) for trained in (whole, second)]
    for part in ("module", "average", "opponent"):
        a, b = (getattr(state, part) for state in states)
        assert a and all(torch.equal(a[k], b[k]) for k in a), part
    assert whole.metrics.keys() == {"psnr", "psnr_bicubic", "perceptual", "detail"}
    assert whole.model is not None
    plain = Upscaler(checkpoints.load(whole.model).spec.presets["tiny"]).state_dict()
    published = {key for key in load_file(whole.model) if not key.startswith("graph.")}
    assert published == plain.keys()
    objective = checkpoints.read_meta(whole.model).training["recipe"]["objective"]
    assert objective["features"] == "tiny"


def test_a_stage_may_bring_another_objective(images: Path, tmp_path: Path) -> None:
    from aecli.training.trainer import run

    lines = [f"{key} = {value}" for key, _, value in (s.partition("=") for s in SETTINGS)]
    quoted = [
        line.replace("adversarial", '"adversarial"').replace("tiny", '"tiny"') for line in lines
    ]
    recipe = tmp_path / "two.toml"
    recipe.write_text("\n".join(["[[stage]]", "[[stage]]", *quoted]))
    trained = run(request(images, "two-x2", 2, steps=4, recipe=str(recipe)), Recorder())
    assert trained.model is not None
    training = checkpoints.read_meta(trained.model).training
    before, last = training["stages"][0]["recipe"], training["recipe"]
    assert "name" not in before["objective"]
    assert last["objective"]["name"] == "adversarial"
    assert "perceptual" in trained.metrics


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ({"features": "tinny"}, ModelError, "tinny"),
        ({"adversarial": -1}, UsageError, "must not be negative"),
        ({"critic": 0}, UsageError, "critic"),
        ({"seen": 0}, UsageError, "above 0, at most 1"),
        ({"graphics": 2}, UsageError, "graphics"),
    ],
)
def test_impossible_settings_are_one_line(
    table: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        made(**table)
    assert "\n" not in str(caught.value)


def test_crops_suit_the_features(images: Path) -> None:
    from aecli.training.trainer import run

    with pytest.raises(UsageError, match=r"data\.crop = 36 does not suit the features"):
        run(request(images, "odd-x2", 2, *SETTINGS, "data.crop=36", steps=1), Recorder())


def test_what_repeats_on_the_grid_is_told_from_texture_and_from_brightness() -> None:
    cell = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    grid = cell.repeat(1, 1, 8, 8)
    texture = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    bright = torch.nn.functional.interpolate(cell, 32, mode="nearest")
    of_grid, of_texture, of_bright = (
        float(repeated(picture, 4).abs().mean()) for picture in (grid, texture, bright)
    )
    assert of_grid > 3 * of_texture
    assert of_bright < 1e-6
