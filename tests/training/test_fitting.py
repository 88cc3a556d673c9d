from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.errors import UsageError
from aecli.models.flow import FlowConfig
from aecli.models.vae import SPEC as VAE
from aecli.models.vae import VAEConfig
from aecli.training import recipes
from aecli.training.build import architecture, objective
from aecli.training.config import Recipe
from aecli.training.fitting import fitted, fitted_to_crops, widths
from aecli.training.request import RunRequest

from .digits import write_idx


def recipe(data: Path, name: str | None = None, **options: object) -> Recipe:
    request = fitted(RunRequest("generate", [str(data)], "x", recipe=name), **options)
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
    assert fitted(request).settings == []


def searching(data: Path, **options: object) -> Recipe:
    request = fitted(RunRequest("embed", [str(data)], "x"), **options)
    return recipes.load("embed", request.recipe, request.settings)


def test_vectors_have_the_length_asked_for(images: Path, tmp_path: Path) -> None:
    assert searching(images) == recipes.load("embed", None)
    short = searching(images, latent=96, grey=True).model
    assert (short["latent"], short["detail"], short["channels"]) == (96, 64, 1)
    write_idx(tmp_path, 3)
    digits = searching(tmp_path).model
    assert (digits["size"], digits["channels"], digits["linear"]) == (28, 1, 14)


@pytest.mark.parametrize("size", [16, 40, 128])
def test_default_levels_of_search_suit_every_side(images: Path, size: int) -> None:
    table = {k: v for k, v in searching(images, size=size).model.items() if k != "architecture"}
    model = VAE.configure(table)
    VAE.build(model)


def test_small_grey_pictures_keep_their_size_and_channel(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "grey.npy", rng.integers(0, 256, (6, 21, 21), np.uint8))
    np.save(tmp_path / "colour.npy", rng.integers(0, 256, (6, 40, 40, 3), np.uint8))
    np.save(tmp_path / "large.npy", rng.integers(0, 256, (6, 90, 90), np.uint8))
    expected = {"grey": (21, 1), "colour": (40, 3), "large": (64, 1)}
    for name, shape in expected.items():
        model = recipe(tmp_path / f"{name}.npy", architecture="vae").model
        assert (model["size"], model["channels"]) == shape
    assert recipe(tmp_path / "grey.npy").model["size"] == 20  # a flow's grid is even


@pytest.mark.parametrize(
    ("name", "network", "variational"),
    [
        ("vae", "vae", True),
        ("ae", "vae", False),
        ("dense-vae", "dense", True),
        ("dense-ae", "dense", False),
    ],
)
def test_architectures_by_name(tmp_path: Path, name: str, network: str, variational: bool) -> None:
    write_idx(tmp_path, 3)
    for chosen in (
        recipe(tmp_path, architecture=name, latent=4, beta=2.0),
        searching(tmp_path, architecture=name, latent=4),
    ):
        spec, config = architecture(chosen)
        assert (spec.name, config.variational, config.latent) == (network, variational, 4)
        assert (config.size, config.channels) == (28, 1)
        assert objective(chosen, spec, config) is not None
    assert recipe(tmp_path, architecture=name, beta=2.0).objective["beta"] == 2


def test_black_and_white_pictures_are_learnt_by_bce(images: Path, tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    assert recipe(tmp_path, architecture="vae").optim.loss == "bce"
    assert recipe(images, architecture="vae").optim.loss == "l1"
    assert recipe(tmp_path).optim.loss == "l1"


def test_crops_are_no_larger_than_the_pictures(images: Path, tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    small = fitted_to_crops(RunRequest("denoise", [str(tmp_path)], "x"))
    data = recipes.load("denoise", None, small.settings).data
    assert (data.crop, data.val_crop, data.batch) == (24, 24, 128)
    large = RunRequest("denoise", [str(images)], "x", settings=["data.crop=48"])
    assert fitted_to_crops(large) == large
