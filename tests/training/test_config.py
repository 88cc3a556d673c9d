from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.errors import UsageError
from aecli.models.registry import Registry
from aecli.training import build, config, recipes
from aecli.training.objectives.base import PIXEL_LOSSES
from aecli.training.objectives.melody import Compose
from aecli.training.objectives.vae import RECONSTRUCTIONS

SHIPPED = sorted(recipes.RECIPES.glob("*.toml"))
OWN_IMAGES = {"denoise", "upscale", "generate", "generate-vae", "embed", "embed-vae"}
"""Recipes for whatever images the user has."""


def test_defaults_need_no_recipe() -> None:
    recipe = recipes.load("denoise", None)
    assert recipe.task == "denoise"
    assert recipe.optim.loss in config.LOSSES


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_recipes_are_complete(path: Path) -> None:
    task, _, name = path.stem.partition("-")
    recipe = recipes.load(task, name or None)
    if path.stem not in OWN_IMAGES:
        assert recipe.about.data
        assert recipe.about.licence
    table = dict(recipe.model)
    spec = Registry.discover().get(table.pop("architecture"))
    model = spec.configure(table)
    spec.build(model)
    for stage in recipes.stages(recipe):
        build.objective(stage, spec, model)


@given(
    lr=st.floats(1e-6, 1, allow_nan=False),
    crop=st.integers(1, 512),
    loss=st.sampled_from(sorted(config.LOSSES)),
    data=st.text(max_size=20),
)
def test_recipes_survive_being_written(lr: float, crop: int, loss: str, data: str) -> None:
    recipe = recipes.from_table(
        {
            "task": "denoise",
            "model": {"widths": [8, 16]},
            "optim": {"lr": lr, "loss": loss, "betas": [0.9, 0.95]},
            "data": {"crop": crop},
            "about": {"data": data},
        }
    )
    assert recipes.from_table(tomllib.loads(recipes.dumps(recipe))) == recipe


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("optim.rate=1", ["optim.rate", "known are"]),
        ("optim.lrr=1", ["optim.lrr", "lr"]),
        ("optimizer.lr=1", ["[optimizer]", "optim"]),
        ("optim.lr", ["SECTION.KEY=VALUE"]),
        ("lr=1", ["SECTION.KEY=VALUE"]),
        ("optim.lr=fast", ["optim.lr", "float"]),
        ("data.crop=1.5", ["data.crop", "int"]),
        ("data.flips=1", ["data.flips", "bool"]),
        ("data.crop=0", ["data.crop", "at least 1"]),
        ("data.grey=2", ["data.grey", "between 0 and 1"]),
        ("optim.lr=-1", ["optim.lr", "positive"]),
        ("optim.betas=[0.9]", ["optim.betas"]),
    ],
)
def test_mistakes_in_settings_are_named(setting: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        recipes.load("denoise", None, [setting])
    said = f"{caught.value.message} {caught.value.hint}"
    assert all(word in said for word in words), said


def test_settings_override_the_recipe_and_only_that(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[optim]\nlr = 0.5\nclip = 2\n", encoding="utf-8")
    recipe = recipes.load("denoise", str(path), ["optim.lr=3e-4", "optim.loss=mse"])
    assert (recipe.optim.lr, recipe.optim.clip, recipe.optim.loss) == (3e-4, 2, "mse")


@pytest.mark.parametrize(
    ("text", "word"), [("lr = ", "not TOML"), ('task = "embed"', "embed"), ("optim = 3", "section")]
)
def test_bad_recipe_files_are_refused(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=word):
        recipes.load("denoise", str(path))
    with pytest.raises(UsageError, match=r"gone\.toml"):
        recipes.load("denoise", str(tmp_path / "gone.toml"))
    with pytest.raises(UsageError, match="no recipe called"):
        recipes.load("denoise", "no-such-recipe")


def test_every_loss_is_explained() -> None:
    of_pictures = PIXEL_LOSSES.keys() | RECONSTRUCTIONS.keys()
    assert config.LOSSES.keys() == of_pictures | Compose.losses.keys()


TWO = {"task": "generate", "stage": [{"run.steps": 3}, {"optim": {"lr": 0.5}, "run.steps": 7}]}


def test_stages_differ_in_what_they_say_alone() -> None:
    recipe = recipes.from_table(TWO)
    first, second = recipes.stages(recipe)
    assert (first.run.steps, first.optim.lr) == (3, recipe.optim.lr)
    assert (second.optim.lr, second.run.steps, second.stage) == (0.5, 7, ())
    assert second.data == first.data == recipe.data
    plain = recipes.from_table({"task": "generate"})
    assert recipes.stages(plain) == [plain]
    assert recipes.from_table(tomllib.loads(recipes.dumps(recipe))) == recipe


def test_settings_reach_a_stage() -> None:
    recipe = recipes.apply(TWO, ["stage.2.optim.lr=0.25", "stage.2.data.batch=3", "data.crop=8"])
    first, second = recipes.stages(recipe)
    assert (second.optim.lr, second.data.batch, second.run.steps) == (0.25, 3, 7)
    assert (first.data.batch, first.data.crop, second.data.crop) == (8, 8, 8)


@pytest.mark.parametrize(("steps", "each"), [(10, [3, 7]), (20, [6, 14]), (2, [1, 1]), (1, [1, 1])])
def test_stages_keep_their_shares_of_the_steps(steps: int, each: list[int]) -> None:
    recipe = recipes.of_steps(recipes.from_table(TWO), steps)
    assert [stage.run.steps for stage in recipes.stages(recipe)] == each
    assert recipes.of_steps(recipes.from_table({"task": "generate"}), steps).run.steps == steps


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("stage.2.optim.lrr=1", "unknown key optim.lrr"),
        ("stage.2.optimm.lr=1", r"unknown section \[optimm\]"),
        ("stage.2.steps=1", "unknown section"),
        ("stage.2.model.architecture='vae'", "all stages have one architecture"),
        ("stage.3.optim.lr=1", r"no stage\.3\.optim\.lr"),
        ("stage.optim.lr=1", "no stage.optim"),
        ("run.keep=first", "run.keep cannot be 'first'"),
    ],
)
def test_mistakes_in_a_stage_are_named(setting: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        recipes.stages(recipes.apply(TWO, [setting]))


def test_what_older_checkpoints_say_of_two_stages_is_understood() -> None:
    old = {
        "task": "generate",
        "run": {"share": 0.2, "steps": 5, "seed": 3},
        "objective": {"doubt": 0.1},
        "second": {"optim.lr": 0.5, "run.steps": 7, "objective.doubt": 0.2},
    }
    first, second = recipes.stages(recipes.from_table(recipes.as_written_before(old)))
    assert (first.run.steps, second.run.steps, second.optim.lr, second.run.seed) == (5, 7, 0.5, 3)
    assert [s.objective["sigma_jitter"] for s in (first, second)] == [0.1, 0.2]
    assert old["run"] == {"share": 0.2, "steps": 5, "seed": 3}, "it is left as it is"
