from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

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
    with Image.open(folder / "curve.png") as curve:
        assert len(curve.getcolors(1 << 20)) > 10


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


TINY = ("--steps", 3, "--set", "data.batch=8", "--set", "model.widths=[8,8]")


def test_a_collapsed_model_is_told_of(aecli, digits: Path) -> None:
    hopeless = ("--beta", 1000, "--steps", 40, "--set", "data.batch=8", "--set", "optim.lr=0.02")
    options = ("--arch", "dense-vae", "--latent", 2, "--set", "objective.kl_warmup=0", "--json")
    result = aecli("train", "generate", digits, "--name", "x", *options, *hopeless)
    assert result.code == 0, result.err
    assert "warning: posterior collapse: the latents tell nothing of the pictures" in result.err
    assert result.err.splitlines()[-2].startswith("aecli: warning: posterior collapse")
    assert result.records[0]["warning"].startswith("posterior collapse")


def test_a_plain_autoencoder_has_no_prior_and_draws_from_data(aecli, digits: Path) -> None:
    result = aecli("train", "generate", digits, "--arch", "ae", "--name", "plain", *TINY)
    assert result.code == 0, result.err
    result = aecli("generate", "-m", "plain", digits / "x.png")
    assert result.code == 2
    assert "plain is a plain autoencoder: it has no prior to draw from" in result.err
    assert "hint: --from-data DATA draws from the latents" in result.err
    seed = ("--from-data", digits, "-n", 4, "--seed", 1)
    result = aecli("generate", "-m", "plain", digits / "x.png", *seed)
    assert result.code == 0, result.err
    with Image.open(digits / "x.png") as picture:
        assert picture.size == (58, 58)
        assert "--from-data mnist" in picture.text["Command"]


def test_a_dense_embedder(aecli, digits: Path) -> None:
    options = ("--arch", "dense-ae", "--latent", 8, "--steps", 2, "--set", "data.batch=8")
    result = aecli("train", "embed", digits, "--name", "mine", *options)
    assert result.code == 0, result.err
    [facts] = aecli("models", "show", "embed", "mine", "--json").records
    assert (facts["architecture"], facts["config"]["latent"]) == ("dense", 8)


@pytest.mark.parametrize("task", ["denoise", "upscale"])
def test_digits_train_denoisers_and_upscalers(aecli, digits: Path, task: str) -> None:
    small = ("--set", "model.preset=tiny", "--set", "data.batch=4", "--steps", 2)
    files = sorted(digits.iterdir())
    result = aecli("train", task, *files, "--name", "mine", *small)
    assert result.code == 0, result.err
    assert "23 training images, 1 for validation" in result.err
