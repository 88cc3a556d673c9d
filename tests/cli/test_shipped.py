"""Every model that comes with aecli, as its user meets it: shown, verified, run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.checkpoints import store

from .restore.pictures import save

SHIPPED = sorted(path.stem for path in store.bundled_folder().glob("*.safetensors"))
each = pytest.mark.parametrize(("task", "name"), [stem.split("-", 1) for stem in SHIPPED])


@each
def test_it_is_shown(aecli, task: str, name: str) -> None:
    result = aecli("models", "show", task, name, "--json")
    assert (result.code, result.err) == (0, "")
    [facts] = result.records
    assert (facts["task"], facts["name"]) == (task, name)
    assert facts["parameters"] > 0
    assert facts["flops_per_pixel"] > 0
    plain = aecli("models", "show", task, name)
    assert plain.code == 0
    assert f"{facts['parameters']:,}" in plain.out.decode()


@each
def test_it_is_verified(aecli, task: str, name: str) -> None:
    result = aecli("models", "verify", task, name, "--json")
    assert result.code == 0
    assert result.records == [{"task": task, "name": name, "status": "ok", "checked": "sha256"}]


@each
def test_it_runs(aecli, task: str, name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    save("in.png", rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    arguments = {
        "denoise": ["in.png", "-o", "out.png"],
        "upscale": ["in.png", "-o", "out.png"],
        "generate": ["out.png", "-n", 2],
        "embed": ["in.png", "-o", "out.npz"],
    }
    options = ["--device", "cpu", "-q"]
    result = aecli(task, "-m", name, *arguments[task], *options)
    assert result.code == 0, result.err
    [made] = tmp_path.glob("out.*")
    assert made.stat().st_size > 100
