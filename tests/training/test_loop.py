from __future__ import annotations

import csv
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import install, store
from aecli.errors import TrainingError, UsageError
from aecli.training import recipes
from aecli.training.config import OptimConfig
from aecli.training.loop import learning_rate
from aecli.training.objectives import denoise as objectives
from aecli.training.request import RunRequest
from aecli.training.state import FILE, State
from aecli.training.trainer import run
from tests import tiny

from .conftest import Recorder


class StopAt(Recorder):
    """Sends this process a signal once a step is reached."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.step, self.number = step, number

    def validated(self, progress: Any, metrics: Any, best: bool) -> None:
        super().validated(progress, metrics, best)
        if progress.step == self.step:
            os.kill(os.getpid(), self.number)


def test_a_run_leaves_a_usable_model_and_its_history(train: Any, home: Path) -> None:
    trained, recorder = train("mine", steps=8)
    assert trained.finished
    assert trained.model == home / "models" / "denoise-mine.safetensors"
    assert trained.folder == home / "runs" / "denoise-mine"
    model = store.load("denoise", "mine")
    assert model.meta.training["steps"] in (4, 8)
    assert model.meta.training["sigma_max"] == 75
    assert model.meta.metrics["psnr"] > 0
    assert [step for step, _ in recorder.validations] == [4, 8]
    with (trained.folder / "metrics.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["4", "8"]
    with Image.open(trained.folder / "validation.png") as picture:
        assert picture.width == 3 * 32
    assert (trained.folder / "recipe.toml").is_file()
    assert (trained.folder / "last.safetensors").is_file()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_resumed_equals_uninterrupted(train: Any, home: Path, number: int) -> None:
    whole, _ = train("whole", steps=12)
    first, _ = train("parts", steps=12, observer=StopAt(4, number))
    assert not first.finished
    assert first.model is None
    assert 4 <= first.step < 12
    second, _ = train("parts", resume=True)
    assert second.finished
    states = [State.load(t.folder) for t in (whole, second)]
    for part in ("module", "average"):
        a, b = (getattr(s, part) for s in states)
        assert all(torch.equal(a[k], b[k]) for k in a), part
    weights = [load_file(t.model) for t in (whole, second)]
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    logs = [(t.folder / "metrics.csv").read_text().splitlines() for t in (whole, second)]
    assert [line.split(",")[0] for line in logs[0]] == [line.split(",")[0] for line in logs[1]]


def test_the_seed_decides(train: Any) -> None:
    a, _ = train("a", steps=3)
    b, _ = train("b", steps=3)
    c, _ = train("c", steps=3, seed=1)
    first, again, other = (load_file(t.model)["head.weight"] for t in (a, b, c))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_accumulation_changes_nothing_but_rounding(train: Any) -> None:
    whole, _ = train("whole", steps=2, precision="fp32")
    parts, _ = train("parts", "optim.accumulate=2", steps=2, precision="fp32")
    a, b = (State.load(t.folder).module for t in (whole, parts))
    assert all(torch.allclose(a[k], b[k], atol=2e-4) for k in a)


def test_from_starts_where_another_model_ended(train: Any) -> None:
    first, _ = train("first", steps=4)
    tuned, recorder = train("tuned", "optim.lr=1e-9", steps=1, start="first")
    a, b = (load_file(t.model) for t in (first, tuned))
    assert all(torch.allclose(a[k].float(), b[k].float(), atol=1e-3) for k in a)
    training = checkpoints.read_meta(tuned.model).training
    assert training["from"] == "denoise-first"
    assert [stage["steps"] for stage in training["stages"]] == [4]
    assert not recorder.warnings
    _, recorder = train("wider", "model.widths=[16,40]", steps=1, start="first")
    assert "start at random" in recorder.warnings[0]


def test_a_run_from_another_model_says_and_resumes_its_network(
    train: Any, images: Path, home: Path
) -> None:
    train("small", "model.estimator=8", steps=1)
    asked = RunRequest(
        task="denoise",
        data=[str(images)],
        name="tuned",
        start="small",
        settings=tiny.SETTINGS[1:],  # but for the preset: its network is the other's
        steps=8,
        device="cpu",
    )
    begun = run(asked, StopAt(4))
    assert not begun.finished
    ended = run(replace(asked, start=None, resume=True, steps=None), Recorder())
    assert ended.finished
    small, tuned = (store.find("denoise", name).meta for name in ("small", "tuned"))
    assert tuned.config == small.config
    assert tuned.training["recipe"]["model"] == {
        "architecture": "unet",
        **{key: small.config[key] for key in ("widths", "blocks", "estimator", "scales")},
    }


def test_a_deeper_network_begins_as_the_one_it_grew_from(train: Any, tmp_path: Path) -> None:
    first, _ = train("first", "model.blocks=[1,1]", steps=4)
    deeper, recorder = train("deep", "model.blocks=[2,3]", "optim.lr=1e-9", steps=1, start="first")
    assert not recorder.warnings
    old, new = (checkpoints.load(t.model).module for t in (first, deeper))
    x, sigma = torch.rand(1, 3, 32, 32), torch.full((1, 1, 1, 1), 0.1)
    assert torch.allclose(old.restore(x, sigma), new.restore(x, sigma), atol=1e-3)
    recipe = tmp_path / "growing.toml"
    recipe.write_text("[[stage]]\nrun.steps = 1\n[[stage]]\nmodel.blocks = [2, 2]\nrun.steps = 1\n")
    grown, recorder = train("grown", "model.blocks=[1,1]", recipe=str(recipe))
    assert not recorder.warnings
    meta = checkpoints.read_meta(grown.model)
    assert meta.config["blocks"] == [2, 2]
    assert meta.training["stages"][0]["recipe"]["model"]["blocks"] == [1, 1]


def test_what_a_recipe_says_of_its_images_is_not_said_of_others(train: Any) -> None:
    ours = "about.data=a garden", "about.licence=CC0-1.0"
    other = (*ours, "about.images=248")
    for settings, data in ((other, ""), (ours, "a garden")):
        trained, recorder = train("mine", *settings, steps=1, overwrite=True)
        meta = checkpoints.read_meta(trained.model).training
        assert (meta["data"], meta["licence"]) == (data, "CC0-1.0" if data else "")
        assert meta["recipe"]["about"]["data"] == data
        assert any("nothing is said of the images" in n for n in recorder.notes) == (not data)
    same = (*ours, f"about.images={meta['images']}")
    trained, _ = train("mine", *same, steps=1, overwrite=True)
    assert checkpoints.read_meta(trained.model).training["data"] == "a garden"
    shipped = recipes.load("denoise", "photo")
    assert shipped.about.images == 248
    assert recipes.load("denoise", "photo", ["about.data=mine"]).about.images == 0


def test_time_ends_a_run(train: Any) -> None:
    trained, _ = train("timed", seconds=1.0)
    assert trained.finished
    assert trained.step > 0


@pytest.mark.parametrize(("usable", "beside"), [(1, False), (2, True)])
def test_batches_are_made_beside_the_training_where_a_core_is_free(
    train: Any, monkeypatch: pytest.MonkeyPatch, usable: int, beside: bool
) -> None:
    degrade, threads = objectives.Denoise.degrade, set()

    def noted(self: Any, *given: Any) -> Any:
        threads.add(threading.current_thread() is not threading.main_thread())
        return degrade(self, *given)

    monkeypatch.setattr(objectives.Denoise, "degrade", noted)
    monkeypatch.setattr("aecli.cores.usable", lambda: usable)
    train("cores", "data.workers=1", steps=2)  # by one thread, as all tests here
    assert (True in threads) == beside


def test_two_cores_that_train_share_the_making_of_batches_and_learn_the_same(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    degrade, threads = objectives.Denoise.degrade, []

    def noted(self: Any, *given: Any) -> Any:
        threads.append(threading.current_thread().name)
        return degrade(self, *given)

    monkeypatch.setattr(objectives.Denoise, "degrade", noted)
    monkeypatch.setattr("aecli.cores.usable", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(2)
    shared, _ = train("shared", "data.workers=1", steps=2)
    assert sum(name.startswith("batches") for name in threads) == 2
    threads.clear()
    alone, _ = train("alone", "data.workers=0", steps=2)
    assert not any(name.startswith("batches") for name in threads)
    first, second = (load_file(run.model) for run in (shared, alone))
    assert all(torch.equal(first[key], second[key]) for key in second)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_weights(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, _ = train("good", steps=4)
    before = (trained.folder / "best.safetensors").read_bytes()
    degrade = objectives.Denoise.degrade

    def poisoned(self: Any, clean: Any, draws: Any, extra: Any) -> Any:
        batch = degrade(self, clean, draws, extra)
        return batch | {"sigma": torch.full_like(batch["sigma"], torch.nan)}

    monkeypatch.setattr(objectives.Denoise, "degrade", poisoned)
    with pytest.raises(TrainingError, match="no longer finite at step 4") as caught:
        train("good", steps=8, resume=True)
    assert "optim.lr" in (caught.value.hint or "")
    assert (trained.folder / "best.safetensors").read_bytes() == before


def test_stages_share_their_images_where_they_may(train: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "stages.toml"
    stages = ["run.steps = 1", "run.steps = 1\noptim.lr = 1e-4", "run.steps = 1\ndata.grey = 1"]
    recipe.write_text("".join(f"[[stage]]\n{stage}\n" for stage in stages))
    trained, recorder = train("mine", recipe=str(recipe))
    assert trained.finished
    decoded = [note for note in recorder.notes if note.startswith("decoded")]
    assert len(decoded) == 2, "the second stage has the first one's"
    assert len(checkpoints.read_meta(trained.model).training["stages"]) == 2


def test_nothing_is_overwritten_unasked(train: Any, home: Path) -> None:
    trained, _ = train("mine", steps=1)
    before = trained.model.read_bytes()
    with pytest.raises(UsageError, match="model 'mine'"):
        train("mine", steps=1)
    trained.model.unlink()
    with pytest.raises(UsageError, match="there is a run"):
        train("mine", steps=1)
    again, _ = train("mine", steps=1, overwrite=True)
    assert load_file(again.model).keys()
    assert before


def test_what_was_kept_of_another_model_of_the_name_goes(train: Any, tiny_denoiser: Path) -> None:
    added = install.add(str(tiny_denoiser), name="mine")
    assert store.verify(added)
    trained, _ = train("mine", steps=1, overwrite=True)
    assert trained.model == added.path
    assert added.provenance is None
    assert store.load("denoise", "mine").meta.training["steps"] == 1


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"steps": 1, "seconds": 1.0}, "not by both"),
        ({"resume": True}, "nothing to resume"),
        ({"data": ["/no/such/folder"]}, "no file or folder"),
        ({"loss": "l7"}, "unknown loss"),
        ({"settings": ["model.width=[8]"]}, "no setting 'width'"),
        ({"settings": ["model.widths=[8]"]}, "same levels"),
        ({"settings": ["objective.sigma=3"]}, "objective.sigma"),
        ({"settings": ["model.architecture=resnet"]}, "no architecture 'resnet'"),
        ({"settings": ["optim.accumulate=3"]}, "cannot be shared"),
        ({"name": "a/b"}, "not a name"),
    ],
)
def test_impossible_requests_are_one_line(train: Any, request_: dict[str, Any], words: str) -> None:
    settings = request_.pop("settings", [])
    with pytest.raises((UsageError, TrainingError)) as caught:
        train(request_.pop("name", "x"), *settings, **request_)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_corrupt_images_do_not_stop_a_run(train: Any, images: Path, tmp_path: Path) -> None:
    for path in images.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n junk")
    trained, recorder = train("mine", steps=1, data=[str(tmp_path)], val=[str(images)])
    assert trained.finished
    assert any("bad.png" in line for line in recorder.warnings)


def test_the_schedule_rises_then_falls() -> None:
    optim = OptimConfig(lr=1.0, warmup=0.1, final_lr=0.01)
    rates = [learning_rate(optim, i / 100) for i in range(101)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] > 0
    assert rates[10] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.01)
    assert learning_rate(OptimConfig(lr=1.0, warmup=0.0), 0.0) == 1.0


def test_state_file_is_replaced_whole(train: Any) -> None:
    trained, _ = train("mine", "run.save_every=0.0", steps=3)
    assert State.load(trained.folder).step == 3
    assert [p.name for p in trained.folder.iterdir() if p.name.endswith(".part")] == []
    assert (trained.folder / FILE).is_file()
