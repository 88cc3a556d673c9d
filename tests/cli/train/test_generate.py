from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.digits import write_mnist


@pytest.fixture(autouse=True)
def _quick(one_thread: None) -> None:
    """Every test here."""


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """MNIST in small."""
    return write_mnist(tmp_path / "mnist")


FEW = ("--steps", 4, "--set", "data.batch=8", "--set", "stage.2.data.batch=8")
SMALL = ("--set", "model.widths=[8,16]", "--set", "model.prior_widths=[16]")


def test_a_generative_model_of_idx_files_is_of_their_size(aecli, digits: Path, home) -> None:
    result = aecli("train", "generate", digits, "--name", "mine", *FEW, *SMALL)
    assert result.code == 0, result.err
    lines = result.err.splitlines()
    assert lines[0].startswith("aecli: 23 training images, 1 for validation")
    assert "aecli: stage 2 of 2" in lines
    assert lines[-1].endswith("(aecli generate -m mine)")
    [facts] = aecli("models", "show", "generate", "mine", "--json").records
    assert (facts["config"]["size"], facts["config"]["channels"]) == (28, 1)
    assert facts["flops_per_pixel"] > 0
    folder = home / "runs" / "generate-mine" / "stage-2"
    assert (folder / "samples.png").is_file()
    assert (folder / "validation.png").is_file()


def test_classes_come_from_the_labels(aecli, digits: Path) -> None:
    result = aecli("train", "generate", digits, "--classes", "--name", "mine", *FEW, *SMALL)
    assert result.code == 0, result.err
    [facts] = aecli("models", "show", "generate", "mine", "--json").records
    assert facts["config"]["classes"] == ["0", "1", "2"]


def test_a_vae_of_pictures_in_colour(aecli, images: Path) -> None:
    small = ("--set", "model.widths=[8,8]", "--steps", 2, "--set", "data.batch=4")
    options = ("--arch", "vae", "--size", 16, "--latent", 3, "--name", "mine", *small)
    result = aecli("train", "generate", images, *options)
    assert result.code == 0, result.err
    [facts] = aecli("models", "show", "generate", "mine", "--json").records
    assert facts["architecture"] == "vae"
    assert (facts["config"]["size"], facts["config"]["latent"]) == (16, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--size", 500), "less than or equal to 128"),
        (("--size", 30, "--set", "model.widths=[8,8]"), "size must be a multiple of 4"),
        (("--arch", "gan"), "no architecture 'gan' for generate"),
        (("--classes",), "is of no class"),
        (("--loss", "bce"), "unknown loss 'bce'"),
    ],
)
def test_what_cannot_be_generated_is_said_in_one_line(aecli, images, options, words) -> None:
    result = aecli("train", "generate", images, "--name", "mine", *options)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err
