"""Training generative models: the objectives, and a run of two stages."""

from __future__ import annotations

import csv
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from aecli.checkpoints import store
from aecli.errors import UsageError
from aecli.models.flow import SPEC as FLOW
from aecli.models.vae import SPEC as VAE
from aecli.models.vae import kl_divergence
from aecli.training.degradations.draws import Draws
from aecli.training.objectives.flow import flow
from aecli.training.objectives.generating import to_images
from aecli.training.objectives.vae import Variational
from aecli.training.request import RunRequest
from aecli.training.squares import SquareDataset, Squares
from aecli.training.stages import stages
from aecli.training.state import FILE, State
from aecli.training.trainer import Trained, run

from .conftest import Recorder
from .digits import write_mnist

CPU = torch.device("cpu")
STAGES = (
    "model.preset=tiny",
    "data.batch=8",
    "run.validate_every=2",
    "run.validate_share=1.0",
    "stage.1.run.steps=3",
    "stage.2.run.steps=7",
    "stage.2.run.validate_every=3",
    "stage.2.data.batch=8",
)
Train = Callable[..., tuple[Trained, Recorder]]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """`train(name, *settings, steps=10, ...)` of a tiny flow, on 24 small digits."""
    data = write_mnist(tmp_path / "digits")

    def start(
        name: str, *settings: str, base: tuple[str, ...] = STAGES, **request: Any
    ) -> tuple[Trained, Recorder]:
        recorder = request.pop("observer", None) or Recorder()
        asked = RunRequest(
            task="generate",
            data=request.pop("data", [str(data)]),
            name=name,
            settings=(*base, *settings),
            device="cpu",
            **request,
        )
        return run(asked, recorder), recorder

    return start


def steps(path: Path) -> list[str]:
    with path.open() as file:
        return [row["step"] for row in csv.DictReader(file)]


def test_two_stages_leave_one_model_and_two_histories(train: Train, home: Path) -> None:
    trained, recorder = train("mine", steps=10)
    folder = home / "runs" / "generate-mine"
    assert trained.finished
    assert (trained.folder, trained.step) == (folder, 7)
    assert [note for note in recorder.notes if "stage" in note] == ["stage 1 of 2", "stage 2 of 2"]
    assert recorder.notes[0].startswith("23 training images, 1 for validation, on cpu")
    assert steps(folder / "metrics.csv") == ["2", "3"]
    assert steps(folder / "stage-2" / "metrics.csv") == ["3", "6", "7"]
    assert not (folder / "samples.png").exists()
    with Image.open(folder / "stage-2" / "samples.png") as sheet:
        assert sheet.size == (160, 128)
    model = store.load("generate", "mine")
    assert model.meta.training["recipe"]["objective"]["train"] == "prior"
    assert model.meta.metrics.keys() == {"explained", "velocity", "psnr"}
    assert model.meta.training["from"] is None


@pytest.mark.parametrize(
    ("widths", "trained_parts"), [("[]", {"prior"}), ("[16]", {"prior", "guide"})]
)
def test_the_second_stage_trains_the_priors_alone(
    train: Train, widths: str, trained_parts: set[str]
) -> None:
    trained, _ = train("mine", f"model.guide_widths={widths}", "stage.2.run.keep=last", steps=10)
    first = load_file(trained.folder / "best.safetensors")
    second = load_file(trained.model)
    changed = {k for k in first if not torch.equal(first[k], second[k])}
    assert {name.split(".")[0] for name in changed} == trained_parts
    for part in trained_parts:
        assert first[f"{part}.tail.2.weight"].count_nonzero() == 0, "stage 1 leaves it alone"
    with (trained.folder / "stage-2" / "metrics.csv").open() as file:
        losses = {name for name in next(csv.DictReader(file)) if name.startswith("loss_")}
    assert losses == {"loss_velocity"} | ({"loss_guide"} if "guide" in trained_parts else set())


class StopAt(Recorder):
    """Ends the run by a signal at a validation."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def validated(self, progress: Any, metrics: Any, best: bool) -> None:
        super().validated(progress, metrics, best)
        if len(self.validations) == self.number:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("validation", [1, 3], ids=["first", "second"])
def test_resumed_in_either_stage_equals_uninterrupted(train: Train, validation: int) -> None:
    whole, _ = train("whole", steps=10)
    parts, _ = train("parts", steps=10, observer=StopAt(validation))
    assert not parts.finished
    assert parts.model is None
    assert (parts.folder / "stage-2" / FILE).exists() == (validation == 3)
    parts, recorder = train("parts", resume=True, base=())
    assert parts.finished
    assert ("stage 1 of 2" in recorder.notes) == (validation == 1)
    assert not recorder.warnings
    a, b = (State.load(t.folder / "stage-2") for t in (whole, parts))
    for part in ("module", "average"):
        ours, theirs = getattr(a, part), getattr(b, part)
        assert all(torch.equal(ours[k], theirs[k]) for k in ours), part
    a_file, b_file = (load_file(t.model) for t in (whole, parts))
    assert all(torch.equal(a_file[k], b_file[k]) for k in a_file)


def test_a_finished_run_may_be_prolonged_in_its_second_stage(train: Train, home: Path) -> None:
    train("mine", steps=10)
    before = (home / "runs" / "generate-mine" / "best.safetensors").read_bytes()
    settings = ("stage.2.run.steps=12", "stage.2.run.keep=last")
    trained, recorder = train("mine", *settings, resume=True, base=(), observer=StopAt(1))
    assert not trained.finished
    trained, recorder = train("mine", resume=True, base=())
    assert (trained.finished, trained.step) == (True, 12), "what was set is remembered"
    assert State.load(trained.folder / "stage-2").recipe["stage"][1]["run.keep"] == "last"
    assert "stage 1 of 2" not in recorder.notes
    assert (trained.folder / "best.safetensors").read_bytes() == before


def test_overwriting_forgets_both_stages(train: Train) -> None:
    trained, _ = train("mine", steps=10)
    with pytest.raises(UsageError, match="model 'mine'"):
        train("mine", steps=10)
    again, _ = train("mine", steps=10, overwrite=True, observer=StopAt(1))
    assert not again.finished
    assert not (trained.folder / "stage-2" / FILE).exists()


def test_time_is_shared_as_the_steps_are(train: Train) -> None:
    settings = ("stage.1.run.steps=1", "stage.2.run.steps=3")
    _, limit, each = stages(
        RunRequest("generate", [], "x", settings=settings, seconds=12), Path("x"), None
    )
    assert (limit, [stage.seconds for stage in each]) == (12, [3, 9])
    trained, _ = train("timed", *settings, seconds=1.2)
    assert trained.finished
    assert State.load(trained.folder / "stage-2").limit == 1.2
    again, _ = train("timed", resume=True, base=())
    assert again.finished


def test_the_model_tells_of_all_its_stages(train: Train) -> None:
    train("mine", steps=10)
    training = store.load("generate", "mine").meta.training
    [first] = training["stages"]
    assert first["recipe"]["objective"]["train"] == "autoencoder"
    assert (first["steps"], training["steps"]) == (3, 7)


VAE_SETTINGS = ("model.preset=tiny", "data.batch=8", "run.validate_every=2", "model.latent=2")


def test_a_vae_takes_one_stage_and_says_both_terms(train: Train, home: Path) -> None:
    trained, recorder = train("vae", base=VAE_SETTINGS, recipe="vae", steps=4)
    assert trained.finished
    assert recorder.validations[-1][1].keys() == {"elbo", "psnr", "reconstruction", "kl"}
    header = (trained.folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"loss_reconstruction", "loss_kl", "elbo"} <= set(header)
    assert (trained.folder / "samples.png").is_file()
    assert (trained.folder / "validation.png").is_file()
    assert not (trained.folder / "stage-2").exists()


def test_a_plain_autoencoder_has_no_kl(train: Train) -> None:
    plain = (*VAE_SETTINGS, "model.variational=false")
    _, recorder = train("ae", base=plain, recipe="vae", steps=2)
    assert recorder.validations[-1][1].keys() == {"psnr"}


def test_a_conditional_model_needs_the_labels(train: Train, tmp_path: Path) -> None:
    classes = 'model.classes=["0", "1", "2"]'
    trained, _ = train("mine", classes, steps=10)
    assert store.load("generate", "mine").module.classes == ("0", "1", "2")
    with Image.open(trained.folder / "stage-2" / "samples.png") as sheet:
        assert sheet.size == (160, 48), "a row of each class"
    with pytest.raises(UsageError, match="is of the class '2'"):
        train("fewer", 'model.classes=["0", "1"]', steps=10)
    (tmp_path / "digits" / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UsageError, match="is of no class"):
        train("none", classes, steps=10)


def test_folders_in_colour_are_learnt_from_too(train: Train, images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "icons"
    shutil.copytree(images, folder / "deeper")
    trained, _ = train("mine", "model.channels=3", "data.flips=true", data=[str(folder)], steps=6)
    assert store.load("generate", "mine").module.channels == 3
    assert store.load("generate", "mine").meta.training["images"] == 10
    with Image.open(trained.folder / "stage-2" / "samples.png") as sheet:
        assert sheet.mode == "RGB"


def batch_of(objective: Any, count: int = 4) -> dict[str, torch.Tensor]:
    images = np.random.default_rng(0).integers(0, 256, (count, 16, 16), np.uint8)
    return objective.batch(dataset(images), Draws(0, range(count), CPU))


def dataset(images: np.ndarray) -> SquareDataset:
    return SquareDataset(Squares(images, np.zeros(len(images), np.int64)), 0, CPU)


def test_the_vae_loss_is_reconstruction_and_weighted_kl() -> None:
    config = VAE.presets["tiny"]
    torch.manual_seed(0)
    model = VAE.build(config)
    table = {"beta": 2.0, "kl_warmup": 0.5}
    objective = Variational(table, "mse", config)
    batch = batch_of(objective)
    x = batch["image"]
    mean, log_var = model.posterior(x)
    full = objective.loss(model, batch, 1.0)
    kl = kl_divergence(mean, log_var).sum(1).mean()
    assert torch.allclose(full["kl"], 2 * kl)
    assert torch.allclose(objective.loss(model, batch, 0.25)["kl"], kl)
    output = model.decode(mean + (log_var / 2).exp() * batch["noise"])
    error = (output - x).square().flatten(1).sum(1).mean()
    assert torch.allclose(full["reconstruction"], error)


def test_free_bits_are_free_dimension_by_dimension() -> None:
    config = VAE.presets["tiny"]
    torch.manual_seed(0)
    model = VAE.build(config)
    objective = Variational({"free_bits": 5.0, "kl_warmup": 0.0}, "bce", config)
    kl = objective.loss(model, batch_of(objective), 0.0)["kl"]
    assert float(kl.detach()) == pytest.approx(2 * 5.0)
    kl.backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_the_flow_loss_vanishes_for_the_true_velocity() -> None:
    config = FLOW.presets["tiny"]
    objective: Any = flow({"train": "prior"}, "l1", config)
    model = FLOW.build(config).eval()
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16), np.uint8)
    objective.begin(model, dataset(images))
    batch = batch_of(objective)
    order = dataset(images).places(np.arange(4))
    z = model.encode(to_images(torch.from_numpy(images)))[order]
    points = []

    def known(x: torch.Tensor, time: torch.Tensor, label: Any) -> torch.Tensor:
        points.append((x, time))
        return z - batch["noise"]

    model.velocity = known
    assert float(objective.loss(model, batch, 0.5)["velocity"]) < 1e-10
    [(x, time)] = points
    share = batch["time"][:, None, None, None]
    assert torch.allclose(x, batch["noise"] + share * (z - batch["noise"]), atol=1e-6)
    assert ((time > 0) & (time < 1)).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["objective.train=both"], "objective.train cannot be 'both'"),
        (["objective.beta=1"], "unknown key objective.beta"),
        (["stage.2.model.preset=tiny"], "all stages have one architecture"),
        (["model.size=18"], "must be a multiple of 4"),
        (["optim.loss=bce"], "unknown loss 'bce'"),
        (["data.batch=1", "optim.accumulate=2"], "cannot be shared"),
    ],
)
def test_impossible_requests_are_one_line(train: Train, settings: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        train("x", *settings, steps=4)
