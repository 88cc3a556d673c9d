from __future__ import annotations

from pathlib import Path

import pytest

from aecli.errors import UsageError
from aecli.models.flow import FlowConfig
from aecli.models.vae import SPEC as VAE
from aecli.models.vae import VAEConfig
from aecli.training import recipes
from aecli.training.config import Recipe
from aecli.training.fitting import fitted, fitted_for_search, widths
from aecli.training.request import RunRequest

from .digits import write_idx

NOTHING = {"size": None, "grey": False, "classes": False, "latent": None, "architecture": None}


def recipe(data: Path, name: str | None = None, **options: object) -> Recipe:
    request = fitted(RunRequest("generate", [str(data)], "x", recipe=name), **NOTHING | options)
    return recipes.load("generate", request.recipe, request.settings)


@pytest.mark.parametrize("size", range(16, 129, 4))
def test_default_levels_suit_every_side(size: int) -> None:
    flow = FlowConfig(size=size, widths=tuple(widths(size, vae=False)))
    assert 7 <= size // flow.cell <= 31
    assert size % flow.cell == 0
    VAEConfig(size=size, widths=tuple(widths(size, vae=True)))


def test_size_and_colour_follow_from_the_data(images: Path, tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    digits, icons = recipe(tmp_path).model, recipe(images).model
    assert (digits["size"], digits["channels"], digits["widths"]) == (28, 1, [48, 96])
    assert (icons["size"], icons["channels"], icons["widths"]) == (64, 3, [32, 64, 128])
    small = recipe(images, size=32, grey=True, latent=6).model
    assert (small["size"], small["channels"], small["latent"]) == (32, 1, 6)
    assert recipes.stages(recipe(images))[1].objective["train"] == "prior"


def test_the_architecture_chooses_the_recipe(images: Path) -> None:
    chosen = recipe(images, architecture="vae")
    assert chosen.model["architecture"] == "vae"
    assert len(recipes.stages(chosen)) == 1
    with pytest.raises(UsageError, match="no architecture 'gan' for generate"):
        recipe(images, architecture="gan")
    with pytest.raises(UsageError, match="an architecture goes neither"):
        recipe(images, "mnist", architecture="vae")


def test_a_named_recipe_is_changed_by_what_is_asked_alone(images: Path) -> None:
    assert recipe(images, "emoji") == recipes.load("generate", "emoji")
    assert recipe(images, "emoji", size=32).model["size"] == 32


def test_classes_are_the_sub_folders(images: Path, tmp_path: Path) -> None:
    for name in ("img10", "img9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes((images / "image0.png").read_bytes())
    assert recipe(tmp_path, classes=True).model["classes"] == ["img9", "img10"]
    (tmp_path / "img10" / "x.png").unlink()
    with pytest.raises(UsageError, match="all pictures are of one class, img9"):
        recipe(tmp_path, classes=True)
    (tmp_path / "x.png").write_bytes((images / "image0.png").read_bytes())
    with pytest.raises(UsageError, match=r"x\.png is of no class"):
        recipe(tmp_path, classes=True)


def test_a_model_to_start_from_keeps_its_shape(images: Path) -> None:
    request = RunRequest("generate", [str(images)], "x", start="emoji")
    assert fitted(request, **NOTHING).settings == []


def searching(data: Path, **options: object) -> Recipe:
    none = {"size": None, "grey": False, "dim": None}
    request = fitted_for_search(RunRequest("embed", [str(data)], "x"), **none | options)
    return recipes.load("embed", None, request.settings)


def test_vectors_have_the_length_asked_for(images: Path, tmp_path: Path) -> None:
    assert searching(images) == recipes.load("embed", None)
    short = searching(images, dim=96, grey=True).model
    assert (short["latent"], short["detail"], short["channels"]) == (96, 64, 1)
    write_idx(tmp_path, 3)
    digits = searching(tmp_path).model
    assert (digits["size"], digits["channels"], digits["linear"]) == (28, 1, 14)


@pytest.mark.parametrize("size", [16, 40, 128])
def test_default_levels_of_search_suit_every_side(images: Path, size: int) -> None:
    table = {k: v for k, v in searching(images, size=size).model.items() if k != "architecture"}
    model = VAE.configure(table)
    VAE.build(model)
