from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.checkpoints import store
from aecli.training.config import LOSSES
from tests import tiny
from tests.cli.conftest import ROOT, Result

Train = Callable[..., Result]
SETTINGS = [word for setting in tiny.SETTINGS for word in ("--set", setting)]


@pytest.fixture(autouse=True)
def _quick(one_thread: None) -> None:
    """Every test here."""


@pytest.fixture
def train(aecli, images: Path) -> Train:
    """`aecli train denoise IMAGES --name mine ...` with the tiniest settings."""

    def call(*arguments: object, name: str = "mine") -> Result:
        return aecli("train", "denoise", images, "--name", name, *SETTINGS, *arguments)

    return call


def test_a_trained_model_is_usable_by_its_name(train, aecli, home, tmp_path) -> None:
    result = train("--steps", 4)
    assert (result.code, result.out) == (0, b"")
    model = home / "models" / "denoise-mine.safetensors"
    assert result.err.splitlines()[-1] == f"aecli: trained {model} (aecli denoise -m mine)"
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)).save(photo)
    assert aecli("denoise", photo, "-m", "mine").code == 0
    assert (tmp_path / "photo_denoised.png").is_file()
    [facts] = aecli("models", "show", "denoise", "mine", "--json").records
    assert facts["training"]["steps"] == 4
    assert facts["training"]["recipe"]["run"]["steps"] == 4


def test_away_from_a_terminal_it_tells_plain_lines(train) -> None:
    lines = train("--steps", 8, "--set", "data.batch=16").err.splitlines()
    assert lines[0].startswith("aecli: 5 training images, 1 for validation, on cpu")
    assert lines[1].startswith("aecli: run folder ")
    validations = [line for line in lines if "validation:" in line]
    assert [line.split()[2] for line in validations] == ["4", "8"]
    assert all(re.search(r"validation: psnr \d+\.\d{3} ", line) for line in validations)
    assert all(line.startswith("aecli: ") and "\x1b" not in line for line in lines)


def test_what_is_left_out_of_a_folder_is_told_of(aecli, images: Path, tmp_path) -> None:
    folder = shutil.copytree(images, tmp_path / "folder")
    (folder / "gone.png").symlink_to("nowhere.png")
    (folder / "a.psd").write_bytes(bytes(99))
    asked = ("train", "denoise", folder, "--name", "mine", *SETTINGS, "--steps", 1)
    result = aecli(*asked, "--json")
    assert result.code == 0
    assert "2 left out" in result.err
    assert "gone.png is a link to nothing" in result.err
    assert len(result.records) == 1


def test_json_is_one_record_and_quiet_is_quiet(train, home) -> None:
    result = train("--steps", 2, "--json", "-q")
    assert (result.code, result.err) == (0, "")
    [record] = result.records
    assert record["metrics"].pop("psnr") > 0
    assert record.pop("metrics")
    assert record.pop("pixels_per_second") > 0
    assert 0 <= record.pop("waited") <= 1
    assert record == {
        "task": "denoise",
        "name": "mine",
        "status": "done",
        "model": str(home / "models" / "denoise-mine.safetensors"),
        "run": str(home / "runs" / "denoise-mine"),
        "steps": 2,
        "warning": None,
    }


def test_the_run_folder_may_be_anywhere(train, home, tmp_path) -> None:
    folder = tmp_path / "deep" / "run"
    assert train("--steps", 2, "--run-folder", folder).code == 0
    kept = {"best.safetensors", "last.safetensors", "metrics.csv", "recipe.toml", "state.pt"}
    assert {path.name for path in folder.iterdir()} == kept | {"curve.png", "validation.png"}
    assert not (home / "runs").exists()
    assert train("--steps", 3, "--run-folder", folder, "--resume").code == 0
    blocked = tmp_path / "file"
    blocked.touch()
    refused = train("--steps", 1, "--run-folder", blocked, name="other")
    assert refused.code == 2
    assert f"cannot use the run folder {blocked}" in refused.err


def test_from_starts_from_another_model(train, aecli) -> None:
    train("--steps", 2)
    assert train("--steps", 1, "--from", "mine", name="tuned").code == 0
    [facts] = aecli("models", "show", "denoise", "tuned", "--json").records
    assert facts["training"]["from"] == "denoise-mine"
    missing = train("--steps", 1, "--from", "nobody", name="other")
    assert missing.code == 3
    assert "no model 'nobody'" in missing.err


def test_an_existing_name_is_refused_unless_replaced(train) -> None:
    train("--steps", 1)
    refused = train("--steps", 1)
    assert refused.code == 2
    assert refused.err.splitlines() == [
        "aecli: error: there is a model 'mine' for denoise already",
        "aecli: hint: choose another --name, or replace it with --overwrite",
    ]
    assert train("--steps", 1, "--overwrite").code == 0


def test_a_refused_run_leaves_the_one_it_would_replace(train, home) -> None:
    train("--steps", 1)
    kept = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert train("--overwrite", "--set", "model.width=[8]").code == 2
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == kept


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1.5h", 5400), ("90", 90), ("1h2m3s", 3723)],
)
def test_durations(train, monkeypatch, text: str, seconds: float) -> None:
    from aecli.training import trainer

    asked = []

    def stop(request: trainer.RunRequest, observer: object) -> None:
        asked.append(request.seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "run", stop)
    assert train("--time", text).code == 130
    assert asked == [seconds]


@pytest.mark.parametrize("text", ["soon", "", "30x", "-5m", "1h 30m", "m", "0s"])
def test_what_is_no_duration_is_a_usage_error(train, text: str) -> None:
    result = train("--time", text)
    assert result.code == 2
    assert "\naecli: error: " in f"\n{result.err}"
    assert "bug" not in result.err


def test_a_timed_run_keeps_its_limit_when_resumed(train) -> None:
    assert train("--time", "0.5s").code == 0
    again = train("--resume")
    assert again.code == 0
    assert "trained" in again.err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optim.lrr=1", "unknown key optim.lrr / did you mean lr?"),
        ("optim.frob=1", "unknown key optim.frob / known are: accumulate, betas"),
        ("optimm.lr=1", "unknown section [optimm] / did you mean optim?"),
        ("task.name=1", "unknown section [task]"),
        ("objective.sigma_mix=1", "objective.sigma_mix / did you mean sigma_max"),
        ("model.width=[8]", "'width' / did you mean widths?"),
        ("model.preset=huge", "no preset 'huge'"),
        ("lr=1", "a setting is SECTION.KEY=VALUE"),
        ("data.crop=big", "data.crop must be int, not 'big'"),
        ("data.crop=33", "data.crop = 33 does not suit this architecture"),
        ("data.val_crop=2", "data.val_crop = 2 does not suit this architecture"),
        ("objective.val_sigmas=[]", "at least one noise level"),
        ("objective.sigma_max=-1", "must be above 0, 255 at most"),
        ("model.widths=[16.5, 24]", "unet.widths must be a list of int, not [16.5, 24]"),
        ("run.seed=-1", "run.seed must be at least 0, not -1"),
        ("data.grey=2", "data.grey must lie between 0 and 1, not 2"),
        ("optim.lr=inf", "optim.lr must be positive"),
        ("optim.betas=[0.9, 1.0]", "optim.betas must be below 1"),
    ],
)
def test_settings_that_make_no_sense_are_named(train, setting: str, message: str) -> None:
    result = train("--steps", 1, "--set", setting)
    assert result.code == 2
    assert message in result.err.replace("\naecli: hint: ", " / ")


def test_resumed_weights_must_fit(train) -> None:
    train("--steps", 1)
    result = train("--resume", "--set", "model.widths=[8, 8]")
    assert result.code == 2
    assert "the saved weights do not fit this architecture" in result.err


def test_help_says_what_each_loss_makes_of_the_picture(aecli) -> None:
    page = " ".join(aecli("train", "denoise", "--help").out.decode().split())
    assert f"--loss {'|'.join(LOSSES)}" in page
    for name, sentence in LOSSES.items():
        assert f"{name}: {sentence}." in page


class Screen:
    """The program on a terminal of its own: what it shows, as it comes."""

    def __init__(self, *arguments: object, columns: int = 80) -> None:
        self._controller, terminal = pty.openpty()
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm-256color",
            "COLUMNS": str(columns),
            "OMP_NUM_THREADS": "1",
        }
        self._shown = bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aecli", *map(str, arguments)],
            env=environment,
            stderr=terminal,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        os.close(terminal)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._controller, 4096):
                self._shown += data
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(self._controller)

    @property
    def text(self) -> str:
        return self._shown.decode(errors="replace")

    def wait_for(self, words: str) -> None:
        end = time.monotonic() + 300
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.02)

    def finish(self) -> int:
        self.process.communicate(timeout=300)
        self._reader.join()
        return self.process.returncode


def test_ctrl_c_under_the_live_view_saves_and_resume_goes_on(train, images, home) -> None:
    longer = ["--steps", 100_000, "--set", "run.validate_every=20"]
    screen = Screen("train", "denoise", images, "--name", "mine", *SETTINGS, *longer)
    screen.wait_for("(best)")
    screen.wait_for("━")
    screen.wait_for("  psnr ")
    screen.process.send_signal(signal.SIGINT)
    assert screen.finish() == 130
    shown = screen.text
    assert "validation: psnr " in shown
    assert re.search(r"\d images/s \d+\.\d\d MP/s \d+% waited", shown)
    said = re.search(r"stopped and saved at step (\d+); go on with --resume", shown)
    assert said
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()
    assert max(len(line) for line in lines if "━" in line or "images/s" in line) <= 80
    assert "mine" not in [found.name for found in store.entries("denoise")]
    step = int(said[1])
    [record] = train("--resume", "--steps", step + 2, "--json", "-q").records
    assert record["steps"] == step + 2
    assert Path(record["model"]).is_file()
