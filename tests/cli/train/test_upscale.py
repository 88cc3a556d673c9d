from __future__ import annotations

import pytest

from aecli.cli.train.request import TrainUpscaleRequest
from tests import tiny

SETTINGS = [word for setting in tiny.SETTINGS for word in ("--set", setting)]


@pytest.fixture(autouse=True)
def _quick(one_thread: None) -> None:
    """Every test here."""


def test_the_scale_picks_the_member_of_the_family(aecli, images, home) -> None:
    arguments = ("train", "upscale", images, "--name", "mine", *SETTINGS, "--steps", 2)
    large = ("--set", "data.crop=48", "--set", "data.val_crop=48")
    assert aecli(*arguments).code == 0
    assert aecli(*arguments, "--scale", 3, *large).code == 0
    names = sorted(p.name for p in (home / "models").iterdir())
    assert names == ["upscale-mine-x2.safetensors", "upscale-mine-x3.safetensors"]
    [facts] = aecli("models", "show", "upscale", "mine", "--json").records
    assert (facts["name"], facts["training"]["scale"]) == ("mine-x2", 2)
    refused = aecli(*arguments)
    assert refused.code == 2
    assert "there is a model 'mine-x2' for upscale already" in refused.err


def test_without_a_scale_the_recipe_says_it(tmp_path, images) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[model]\nscale = 4\n")
    asked = TrainUpscaleRequest([str(images)], "mine", recipe=str(recipe)).run("upscale")
    assert (asked.name, asked.settings[-1]) == ("mine-x4", "model.scale=4")


@pytest.mark.parametrize("scale", [1, 5])
def test_networks_have_the_factors_two_to_four(aecli, images, scale: int) -> None:
    result = aecli("train", "upscale", images, "--name", "mine", "--scale", scale)
    assert result.code == 2
    assert "--scale" in result.err
