"""Files that were made to do harm: none is believed before it is checked."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import header, install, portable
from aecli.errors import ModelError

Change = Callable[[dict[str, Any], dict[str, Any]], None]
"""Changes the header's table and what the metadata say, both in place."""


def rewritten(path: Path, change: Change) -> Path:
    """The file with another header; the weights stay."""
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    table = json.loads(content[8 : 8 + size])
    said = json.loads(table["__metadata__"]["aecli"])
    change(table, said)
    table["__metadata__"]["aecli"] = json.dumps(said)
    text = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size :])
    return path


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def config(**values: Any) -> Change:
    return lambda _, said: said.update(config={"preset": "tiny", **values})


def tensor(**values: Any) -> Change:
    return lambda table, _: table["tail.bias"].update(values)


def says(**values: Any) -> Change:
    return lambda _, said: said.update(values)


def graph(change: Callable[[dict[str, Any]], None]) -> Change:
    def act(table: dict[str, Any], _said: dict[str, Any]) -> None:
        held = json.loads(table["__metadata__"][portable.KEY])
        change(held)
        table["__metadata__"][portable.KEY] = json.dumps(held)

    return act


def node(at: int, **values: Any) -> Change:
    """A graph with one of its operations changed."""

    def change(held: dict[str, Any]) -> None:
        row = held["graphs"]["restore"]["nodes"][at]
        row[:2] = [values.pop("op", row[0]), values.pop("inputs", row[1])]
        row[2].update(values)

    return graph(change)


def second(table: dict[str, Any], _said: dict[str, Any]) -> None:
    table["twice"] = table["tail.bias"]


CHANGES: dict[str, tuple[Change, str]] = {
    "task leads out of the folder": (says(task="../../evil"), "'task' is not a name"),
    "tag leads out of the folder": (says(tag="../evil"), "'tag' is not a name"),
    "tag starts with a dot": (says(tag=".evil"), "'tag' is not a name"),
    "long tag": (says(tag="x" * 300), "'tag' is not a name"),
    "task of another architecture": (says(task="upscale"), "unet does not serve upscale"),
    "deep metadata": (says(training={"a": deep(200)}), "nested too deeply"),
    "deep header": (lambda table, _: table.update(a=deep(500)), "is not a model of aecli"),
    "a million blocks": (config(blocks=[10**6, 1]), "more weights than the file has"),
    "wide": (config(widths=[10**6, 24]), "does not fit its architecture"),
    "very wide": (config(widths=[10**30, 24]), "does not fit its architecture"),
    "fewer blocks": (config(blocks=[0, 1]), "the file has weights that its architecture"),
    "more levels": (config(widths=[16] * 9, blocks=[0] * 9), "does not fit its architecture"),
    "tensors at one place": (second, "overlap"),
    "a tensor of many axes": (tensor(shape=[10**9] * 10**4), "is not a model of aecli"),
    "a negative size": (tensor(shape=[-12]), "is not a model of aecli"),
    "a tensor of another size": (tensor(shape=[3, 4]), "tail.bias is 3x4 instead of 12"),
    "a graph with an unknown operation": (node(0, op="Exec"), "there is no operation 'Exec'"),
    "a graph with an unknown setting": (node(0, path="/"), "has no 'path'"),
    "a graph that bites its tail": (node(0, inputs=[99]), "do not exist yet"),
    "a graph of other weights": (node(-3, weight="tail.bias"), "does not fit its weights"),
    "a geometry out of bounds": (
        graph(lambda held: held["geometry"].update(multiple_of=10**9)),
        "its graph is not usable",
    ),
    "an odd type": (tensor(dtype="F4"), "is not a model of aecli"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_hostile_file_is_refused_in_one_line_at_once(
    change: Change, words: str, tiny_denoiser: Path, tmp_path: Path, home: Path
) -> None:
    path = rewritten(tiny_denoiser.rename(tmp_path / "m.safetensors"), change)
    started = time.monotonic()
    for use in (checkpoints.load, checkpoints.outline, lambda p: install.add(str(p), name="z")):
        with pytest.raises(ModelError) as raised:
            use(path)
        assert words in raised.value.message
        assert str(path) in raised.value.message
        assert len(raised.value.message) < 400
        assert "\n" not in raised.value.message
    assert time.monotonic() - started < 5
    assert not [p for p in home.rglob("*") if p.is_file()]


def test_numbers_that_are_not_finite_are_none(tiny_denoiser: Path) -> None:
    rewritten(tiny_denoiser, says(metrics={"psnr": float("inf"), "ssim": [float("nan")]}))
    assert checkpoints.read_meta(tiny_denoiser).metrics == {"psnr": None, "ssim": [None]}


def test_weights_that_are_not_finite_are_refused(tiny_denoiser: Path) -> None:
    model = checkpoints.load(tiny_denoiser)
    weights = model.module.state_dict() | {"tail.bias": torch.full((12,), float("nan"))}
    checkpoints.save(tiny_denoiser, weights, model.meta)
    with pytest.raises(ModelError, match="weights are not finite"):
        checkpoints.load(tiny_denoiser)


def test_a_header_as_long_as_it_likes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 1 << 40))
        file.truncate(header.MAX_FILE)
    with pytest.raises(ModelError, match="is not a model of aecli"):
        header.read(path)
    with path.open("ab") as file:
        file.truncate(header.MAX_FILE + 1)
    with pytest.raises(ModelError, match="is too large"):
        header.read(path)
