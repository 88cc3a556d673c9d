from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aecli.training.request import RunRequest
from aecli.training.trainer import Trained, run

from .. import tiny


@pytest.fixture(autouse=True)
def _quick(one_thread: None) -> None:
    """Every test here."""


class Recorder:
    """An observer that remembers, and may act at a step."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.validations: list[tuple[int, dict[str, float]]] = []

    def stepped(self, progress: Any) -> None:
        self.last = progress

    def validated(self, progress: Any, metrics: Any, best: bool) -> None:
        self.validations.append((progress.step, dict(metrics)))

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def train(images: Path) -> Any:
    """Run a tiny training: `train(name, steps=8, ...) -> (Trained, Recorder)`."""

    def start(name: str, *settings: str, **request: Any) -> tuple[Trained, Recorder]:
        recorder = request.pop("observer", None) or Recorder()
        data = request.pop("data", [str(images)])
        asked = RunRequest(
            task="denoise",
            data=data,
            name=name,
            settings=(*tiny.SETTINGS, *settings),
            device="cpu",
            **request,
        )
        return run(asked, recorder), recorder

    return start
