from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aecli.checkpoints import store
from aecli.checkpoints.facts import EmbedFacts
from aecli.datasets.collecting import collect, find
from aecli.errors import TrainingError, UsageError
from aecli.inference.embed import Embedder
from aecli.models.vae import DETAIL, VAE, VAEConfig
from aecli.training import views
from aecli.training.config import DataConfig
from aecli.training.degradations.draws import Draws
from aecli.training.objectives import contrastive as objective
from aecli.training.objectives.contrastive import Contrastive, nt_xent
from aecli.training.request import RunRequest
from aecli.training.state import State
from aecli.training.trainer import Trained, run

from .conftest import Recorder
from .digits import write_idx

CPU = torch.device("cpu")
TINY = (
    "model.size=16",
    "model.widths=[8, 8]",
    "model.blocks=0",
    "model.hidden=16",
    "model.latent=12",
    "model.detail=4",
    "model.linear=0",
    "data.batch=8",
    "run.validate_every=2",
)
Train = Callable[..., tuple[Trained, Recorder]]


@pytest.fixture
def train(images: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """`train(name, *settings, steps=4, ...)` of a tiny autoencoder, on a few photographs."""
    monkeypatch.setattr(objective, "CALIBRATED", 40)

    def start(name: str, *settings: str, **request: Any) -> tuple[Trained, Recorder]:
        recorder = Recorder()
        asked = RunRequest(
            task="embed",
            data=request.pop("data", [str(images)]),
            name=name,
            settings=(*(() if request.get("resume") else TINY), *settings),
            device="cpu",
            **request,
        )
        return run(asked, recorder), recorder

    return start


def test_a_trained_model_embeds_and_knows_its_thresholds(train: Train, images: Path) -> None:
    trained, recorder = train("mine", "data.holdout=0.4", steps=4)
    assert trained.finished
    assert recorder.validations[-1][1].keys() == {"recall", "psnr"}
    facts = store.load("embed", "mine").meta.training
    assert facts["latent"] == [12]
    assert -1 <= facts["duplicates"]["threshold"] <= 1
    assert EmbedFacts.read(store.load("embed", "mine").meta.training).novelty is not None
    embedder = Embedder.open("mine", device="cpu")
    vectors, novelty = embedder.embed(
        np.stack([embedder.small(find(str(images / "image0.png")))] * 2)
    )
    assert vectors.shape == (2, 12)
    assert np.isfinite(novelty).all()


def test_resumed_equals_uninterrupted(train: Train) -> None:
    whole, _ = train("whole", steps=4)
    train("parts", steps=2)
    parts, recorder = train("parts", resume=True, steps=4)
    assert not recorder.warnings
    a, b = (State.load(t.folder) for t in (whole, parts))
    assert a.step == b.step == 4
    # the first two steps saw another learning rate: what was drawn is what must be the same
    assert a.files == b.files


def test_digits_are_learnt_from_too(train: Train, tmp_path: Path) -> None:
    write_idx(tmp_path, 24)
    train("mine", "model.channels=1", data=[str(tmp_path)], steps=2)
    assert store.load("embed", "mine").module.channels == 1


def test_only_plain_autoencoders_are_trained_so(train: Train) -> None:
    with pytest.raises(UsageError, match="plain autoencoder"):
        train("mine", "model.variational=true", "model.detail=0")
    with pytest.raises(UsageError, match="detail is for a plain autoencoder"):
        train("mine", "model.detail=12")


def test_training_learns_to_see_through_edits(train: Train) -> None:
    settings = ("optim.lr=5e-3", "optim.ema=0.9", "data.batch=16", "objective.part=0.3")
    _, recorder = train("mine", *settings, steps=150)
    first, last = (recorder.validations[i][1] for i in (0, -1))
    assert last["recall"] > 1.5 * first["recall"]
    assert last["psnr"] > first["psnr"]


def test_nt_xent_is_the_cross_entropy_of_finding_the_partner() -> None:
    apart = torch.eye(3).repeat(2, 1)
    expected = -np.log(np.exp(10) / (np.exp(10) + 4))
    assert float(nt_xent(apart, 0.1)) == pytest.approx(expected, abs=1e-6)
    assert float(nt_xent(7 * apart, 0.1)) == pytest.approx(expected, abs=1e-6), "directions only"
    alike = torch.ones(6, 3)
    assert float(nt_xent(alike, 0.1)) == pytest.approx(np.log(5))


def test_detail_is_small_in_the_latent_and_whole_to_the_decoder() -> None:
    torch.manual_seed(0)
    config = VAEConfig(16, 1, 8, (8,), 0, 16, variational=False, detail=4)
    model = VAE(config)
    z = model.encode(torch.rand(256, 1, 16, 16))
    deviation = z.std(0, correction=0)
    assert torch.allclose(deviation[:4], torch.ones(4), atol=0.01)
    assert torch.allclose(deviation[4:], torch.full((4,), DETAIL), atol=0.01)
    plain = VAE(VAEConfig(16, 1, 8, (8,), 0, 16, variational=False))
    plain.load_state_dict(model.state_dict())
    model.eval()
    plain.eval()
    x = torch.rand(2, 1, 16, 16)
    assert torch.allclose(model(x), plain(x), atol=1e-5)


def test_a_linear_autoencoder_starts_at_principal_components() -> None:
    torch.manual_seed(0)
    mixed = torch.randn(600, 3) @ torch.randn(3, 64) / 8
    images = (
        (0.5 + 0.1 * mixed).reshape(600, 1, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3)
    )
    model = VAE(VAEConfig(16, 1, 6, (8,), 0, 16, variational=False, detail=3, linear=8))
    model.start_from(images)
    model.train()
    for _ in range(60):  # the moving averages of batch normalisation
        model.encode(images)
    model.eval()
    z = model.encode(images)
    assert torch.allclose(z[:, 3:].std(0), torch.full((3,), DETAIL), rtol=0.02)
    small = model.linear.decoder(z / model.deviation)
    assert torch.allclose(small, images[:, 0, ::2, ::2].flatten(1), atol=0.03)
    assert model(images).shape == images.shape
    before = model.linear.decoder.weight.clone()
    model.start_from(torch.rand(600, 1, 16, 16))
    assert torch.equal(model.linear.decoder.weight, before), "what has begun is left alone"


def test_a_run_may_take_a_linear_autoencoder(train: Train) -> None:
    train("mine", "model.linear=8", steps=2)
    assert store.load("embed", "mine").module.linear is not None
    with pytest.raises(UsageError, match="linear is for a plain autoencoder"):
        train("other", "model.linear=17")


def test_copies_are_drawn_as_the_number_says(images: Path) -> None:
    entries = collect([str(images)])
    data = DataConfig()
    loaded = views.load(entries, size=16, channels=3, config=data, report=print)
    assert all(16 <= min(p.size) <= 48 for p in loaded)
    source = views.ViewDataset(loaded, data, 0)
    assert len(set(source.map(lambda picture, _: id(picture), np.arange(6)))) == len(source) == 6
    task = Contrastive({}, "mse", VAEConfig(16, 3, 8, (8,), 0, 16, variational=False))
    a, b = (task.batch(source, Draws(0, numbers, CPU)) for numbers in ([2, 3], [3, 4]))
    assert all(torch.equal(a[k][1], b[k][0]) for k in ("image", "edited"))
    assert not torch.equal(a["image"], a["edited"])


def test_unusable_pictures_are_named(tmp_path: Path, images: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"junk")
    said: list[str] = []
    options: dict[str, Any] = {"size": 16, "channels": 3, "report": said.append}
    with pytest.raises(TrainingError, match="no readable image"):
        views.load(collect([str(tmp_path)]), config=DataConfig(), **options)
    assert "bad.png" in said[0]
    Image.new("RGB", (3000, 40)).save(tmp_path / "wide.png")
    with pytest.raises(UsageError, match=r"data\.cache_mb"):
        views.load(
            collect([str(tmp_path / "wide.png")] * 1 + [str(images)]),
            config=DataConfig(cache_mb=0),
            size=512,
            channels=3,
            report=said.append,
        )
