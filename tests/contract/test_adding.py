"""Adding a model is one file: written into a copy of the package, it is found, trained and run.

Nothing else in the copy is touched. Each architecture here is the least that its task's protocol
and its objective ask for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.models.registry import Registry

ROOT = Path(__file__).parents[2]

HEAD = '''
"""An architecture of a test's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from aecli.models.registry import Geometry, ModelSpec, Tiling


@dataclass(frozen=True)
class Config:
    """What can be set."""

    width: int = 4
{fields}


class Net(nn.Module):
    """Two layers."""

    def __init__(self, config: Config) -> None:
        super().__init__()
{body}


SPEC = ModelSpec(
    name="added",
    tasks={tasks},
    config=Config,
    build=Net,
    geometry=lambda config: {geometry},
    presets={{"tiny": Config()}},
    summary="a test's",
    paper="none",
)
'''

DENOISER = HEAD.format(
    fields="",
    body="""
        self.net = nn.Sequential(
            nn.Conv2d(4, config.width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(config.width, 3, 3, padding=1),
        )
        self.level = nn.Conv2d(3, 1, 3, padding=1)

    def restore(self, x, sigma):
        return x + self.net(torch.cat([x, sigma.expand(-1, 1, *x.shape[2:])], 1))

    def estimate_sigma(self, x):
        return nn.functional.softplus(self.level(x).mean((1, 2, 3)) - 3)
""",
    tasks={"denoise": "denoise"},
    geometry="Geometry(multiple_of=1, minimum=4, radius=2)",
)

UPSCALER = HEAD.format(
    fields="    scale: int = 2",
    body="""
        self.scale = config.scale
        self.net = nn.Conv2d(3, 3 * config.scale**2, 3, padding=1)

    def upscale(self, x):
        near = nn.functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        return near + nn.functional.pixel_shuffle(self.net(x), self.scale)
""",
    tasks={"upscale": "upscale"},
    geometry="Geometry(multiple_of=1, minimum=4, radius=1, scale=config.scale)",
)

AUTOENCODER = HEAD.format(
    fields="""    size: int = 16
    channels: int = 3
    latent: int = 8
    detail: int = 0
    classes: tuple[str, ...] = ()
    variational: bool = False""",
    body="""
        self.size, self.channels = config.size, config.channels
        self.latent, self.classes = (config.latent,), config.classes
        self.linear = None
        pixels = config.channels * config.size**2
        self.encoder = nn.Linear(pixels, config.latent)
        self.decoder = nn.Linear(config.latent, pixels)

    def encode(self, x, label=None):
        return self.encoder(x.flatten(1)).float()

    def decode(self, z, label=None):
        shape = self.channels, self.size, self.size
        return self.decoder(z).unflatten(1, shape).float()

    def draw(self, noise, label=None, temperature=1.0):
        return temperature * noise
""",
    tasks={"generate": "vae", "embed": "contrastive"},
    geometry="Geometry(config.size, config.size, config.size, tiling=Tiling.WHOLE_ONLY)",
)

CASES = {
    "denoise": (
        DENOISER,
        ["--set", "data.crop=32", "--set", "data.val_crop=32"],
        [["p/1.png", "-o", "a.png", "--tile", 32], ["p/1.png", "-o", "b.png", "--tile", "off"]],
    ),
    "upscale": (
        UPSCALER,
        ["--set", "data.crop=32", "--set", "data.val_crop=32"],
        [["p/1.png", "-o", "a.png", "--tile", 32], ["p/1.png", "-o", "b.png", "--tile", "off"]],
    ),
    "generate": (AUTOENCODER, ["--size", 16], [["a.png", "-n", 4, "--from-data", "p"]]),
    "embed": (AUTOENCODER, ["--size", 16], [["p", "-o", "a.npz"]]),
}

SCRIPT = """
import sys
from aecli.cli.app import run
from aecli.models.registry import Registry

assert "added" in [spec.name for spec in Registry.discover()]
for arguments in {calls!r}:
    if code := run(arguments):
        sys.exit(f"{{arguments}}: {{code}}")
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package without its weights, and four pictures."""
    shutil.copytree(
        ROOT / "aecli", tmp_path / "copy/aecli", ignore=shutil.ignore_patterns("__pycache__")
    )
    rng = np.random.default_rng(0)
    for number in range(4):
        path = tmp_path / f"p/{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (72, 80, 3), dtype=np.uint8)).save(path)
    return tmp_path


@pytest.mark.parametrize("task", CASES)
def test_a_model_is_one_file(copied: Path, task: str) -> None:
    source, settings, runs = CASES[task]
    (copied / "copy/aecli/models/added.py").write_text(source.lstrip(), "utf-8")
    small = ["--set", "data.batch=4", "--set", "data.workers=0", *settings]
    where = ["--device", "cpu", "-q"]
    train = ["train", task, "p", "--set", "model.architecture=added", *small, *where]
    calls = [
        [*train, "--name", "short", "--steps", 1],
        [*train, "--name", "long", "--steps", 20],
        ["models", "show", task, "long"],
        ["models", "verify", task, "long"],
        *([task, "-m", "long", *where, *words] for words in runs),
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(calls=[[str(w) for w in c] for c in calls])],
        cwd=copied,
        env=os.environ
        | {
            "PYTHONPATH": str(copied / "copy"),
            "AECLI_HOME": str(copied / "home"),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "architecture" in done.stdout
    made = sorted(path.name for path in copied.glob("?.*"))
    assert len(made) == len(runs)
    if len(made) == 2:  # tiled and whole
        tiled, whole = (np.asarray(Image.open(copied / name), int) for name in made)
        assert np.abs(tiled - whole).max() <= 1


def test_no_list_names_the_architectures() -> None:
    contracts = (ROOT / "pyproject.toml").read_text("utf-8")
    for spec in Registry.discover():
        assert f"aecli.models.{spec.name}" not in contracts
