"""Which architecture and which objective a run takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aecli.errors import UsageError
from aecli.models.registry import Registry
from aecli.models.unet import SPEC as UNET
from aecli.models.vae import SPEC as VAE
from aecli.training import recipes
from aecli.training.build import architecture, objective
from aecli.training.objectives.contrastive import Contrastive
from aecli.training.objectives.vae import Variational


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Architectures that stand before all others in the alphabet."""
    registry = Registry.discover()
    registry.add(replace(UNET, name="aaa"))
    registry.add(replace(VAE, name="aab"))
    monkeypatch.setattr(Registry, "discover", classmethod(lambda _: registry))
    return registry


@pytest.mark.parametrize(
    ("task", "name"),
    [("denoise", "unet"), ("upscale", "upscaler"), ("generate", "flow"), ("embed", "vae")],
)
def test_a_tasks_own_recipe_names_its_default(another: Registry, task: str, name: str) -> None:
    assert recipes.default_architecture(task) == name
    assert architecture(recipes.load(task, None))[0].name == name


def test_a_recipe_that_names_none_takes_the_default(another: Registry, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[optim]\nlr = 0.5\n", encoding="utf-8")
    assert architecture(recipes.load("denoise", str(path)))[0].name == "unet"


def test_another_architecture_leaves_the_settings_of_the_first_behind(another: Registry) -> None:
    own = recipes.load("embed", None, ["model.architecture=vae", "model.latent=9"])
    assert own.model["size"] == 48
    recipe = recipes.load("embed", None, ["model.latent=9", "model.architecture=aab"])
    assert recipe.model == {"architecture": "aab", "latent": 9}
    spec, config = architecture(recipe)
    assert (spec.name, config.latent) == ("aab", 9)
    noisy = recipes.load("denoise", "photo", ["model.architecture=aaa"])
    assert noisy.objective == recipes.load("denoise", "photo").objective, (
        "the objective is the same"
    )


def test_another_objectives_settings_and_stages_are_left_behind_too() -> None:
    recipe = recipes.load("generate", None, ["model.architecture=vae"])
    assert (recipe.objective, len(recipe.stage)) == ({}, 0)
    assert isinstance(objective(recipe, *architecture(recipe)), Variational)


def test_a_recipe_may_name_its_objective() -> None:
    plain = ["model.architecture=vae", "model.variational=false", "model.detail=0"]
    recipe = recipes.load("generate", None, [*plain, "objective.name=contrastive"])
    assert isinstance(objective(recipe, *architecture(recipe)), Contrastive)
    wrong = recipes.load("embed", None, ["objective.name=contrastiv"])
    with pytest.raises(UsageError, match="no objective 'contrastiv'") as caught:
        objective(wrong, *architecture(wrong))
    assert caught.value.hint == "did you mean contrastive?"


def test_an_architecture_that_serves_another_task_is_refused() -> None:
    recipe = recipes.load("denoise", None, ["model.architecture=vae"])
    with pytest.raises(UsageError, match="no architecture 'vae' for denoise"):
        architecture(recipe)
