from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aecli.training.run import Request, Trained, run

TINY = (
    "model.preset=tiny",
    "data.crop=32",
    "data.batch=4",
    "data.val_crop=32",
    "data.val_limit=2",
    "run.validate_every=4",
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small gain nothing from a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small pictures of smooth shapes, one of them grey, one narrower than a crop."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(5)
    for number, (width, height) in enumerate(
        [(64, 48), (50, 70), (40, 40), (20, 90), (64, 64), (48, 48)]
    ):
        coarse = rng.integers(0, 256, (4, 5) if number == 2 else (4, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / f"image{number}.png")
    return folder


@pytest.fixture
def train(images: Path) -> Any:
    """Run a tiny training: `train(name, steps=8, ...) -> (Trained, Recorder)`."""

    def start(name: str, *settings: str, **request: Any) -> tuple[Trained, Recorder]:
        recorder = request.pop("observer", None) or Recorder()
        data = request.pop("data", [str(images)])
        asked = Request(
            task="denoise",
            data=data,
            name=name,
            settings=(*TINY, *settings),
            device="cpu",
            **request,
        )
        return run(asked, recorder), recorder

    return start
