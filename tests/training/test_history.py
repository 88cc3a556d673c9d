"""The course of a run: all of it, once, however often it was interrupted."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from aecli import extras
from aecli.errors import TrainingError, UsageError
from aecli.training import curve
from aecli.training.events import Events
from aecli.training.state import FILE

from .test_loop import StopAt


def events(folder: Path) -> Any:
    """What TensorBoard itself makes of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), {"scalars": 0, "images": 0}).Reload()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each `curve.png` shows: losses, losses on held-out pictures, the score."""
    shown: list[Any] = []
    draw = curve.curves

    def kept(*courses: Any) -> Any:
        shown.append(courses)
        return draw(*courses)

    monkeypatch.setattr(curve, "curves", kept)
    return shown


def test_the_curve_of_a_resumed_run_begins_where_the_run_did(train: Any, drawn: list[Any]) -> None:
    train("mine", steps=12, observer=StopAt(8))
    before, _, (name, score) = drawn[-1]
    assert [step for step, _ in score] == [4, 8]
    train("mine", resume=True)
    after, _, (same, longer) = drawn[-1]
    assert (name, [step for step, _ in longer]) == (same, [4, 8, 12])
    assert [value for _, value in longer[:2]] == pytest.approx([v for _, v in score], rel=1e-5)
    assert before.keys() == after.keys()
    for course in after.values():
        assert course[0][0] <= 4
        assert course == sorted(course)


def test_the_log_of_a_run_that_was_killed_has_each_step_once(train: Any) -> None:
    first, _ = train("mine", steps=12, observer=StopAt(4), log="tensorboard")
    saved = first.folder / "saved.pt"
    shutil.copy(first.folder / FILE, saved)
    train("mine", resume=True, observer=StopAt(8), log="tensorboard")
    shutil.copy(saved, first.folder / FILE)  # as if killed before the state was saved again
    last, _ = train("mine", resume=True, log="tensorboard")
    assert last.finished
    assert len(list(first.folder.glob("events.out.tfevents.*"))) == 3

    shown = events(first.folder)
    for name in ("validation/psnr", "lr", "pixels_per_second", "waited"):
        assert [point.step for point in shown.Scalars(name)] == [4, 8, 12]
    assert shown.Scalars("validation/psnr")[-1].value == pytest.approx(last.metrics["psnr"])
    steps = [point.step for point in shown.Scalars("loss/total")]
    assert steps[-1] == 12
    assert steps == sorted(set(steps))
    pictures = shown.Images("validation")
    assert [picture.step for picture in pictures] == [4, 8, 12]
    with Image.open(first.folder / "validation.png") as picture:
        assert (pictures[-1].width, pictures[-1].height) == picture.size

    train("mine", steps=4, overwrite=True)
    assert not list(first.folder.glob("events.out.tfevents.*")), "of the run that was replaced"


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    log = Events(tmp_path, step=0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        with pytest.raises(TrainingError, match=r"tfevents\.\d+: cannot be written: File"):
            for step in range(99):
                log.figures(step, {"loss/total": 1.0})
        log.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(events(tmp_path).Scalars("loss/total")) > 3, "what there was room for"


def test_without_the_extra_nothing_is_replaced(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = train("mine", steps=1)
    kept = {path: path.read_bytes() for path in run.folder.iterdir()}
    missing = extras.Extra("tensorboard", "tensorboard", "not_installed")
    monkeypatch.setattr("aecli.training.events.TENSORBOARD", missing)
    with pytest.raises(UsageError, match="needs tensorboard") as refused:
        train("mine", steps=1, overwrite=True, log="tensorboard")
    assert refused.value.hint == "pip install 'aecli[tensorboard]' adds it"
    with pytest.raises(UsageError, match="there is no log 'wandb'"):
        train("mine", steps=1, overwrite=True, log="wandb")
    assert {path: path.read_bytes() for path in run.folder.iterdir()} == kept


@pytest.mark.parametrize("content", ["", "step,psnr\nfour,1\n", "psnr\n1\n", "step,psnr\n1,x\n"])
def test_damaged_figures_of_a_run_are_one_line(train: Any, content: str) -> None:
    run, _ = train("mine", steps=2)
    (run.folder / "metrics.csv").write_text(content)
    if not content:  # none are none
        assert train("mine", resume=True, steps=3)[0].finished
        return
    with pytest.raises(TrainingError, match=r"metrics\.csv is damaged"):
        train("mine", resume=True, steps=3)
