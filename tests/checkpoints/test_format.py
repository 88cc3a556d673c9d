from __future__ import annotations

import errno
import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints.format import FORMAT, Meta
from aecli.errors import AecliError, ModelError
from aecli.models.registry import Registry

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True)
tables = st.dictionaries(st.text(max_size=8), plain, max_size=4)


@given(config=tables, training=tables, metrics=tables, tag=names)
def test_metadata_survives(config: Any, training: Any, metrics: Any, tag: str) -> None:
    meta = Meta("unet", config, "denoise", tag, training, metrics, "1.2.3")
    assert Meta.from_json(meta.to_json()) == meta


def test_later_minor_additions_are_ignored() -> None:
    data = json.loads(Meta("unet", {}, "denoise", "x").to_json()) | {"colour": "green"}
    assert Meta.from_json(json.dumps(data)).tag == "x"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"architecture": 3, "config": {}, "task": "", "tag": "", "format": 1}'],
)
def test_damaged_metadata_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Meta.from_json(text)


def foreign(path: Path) -> None:
    save_file({"w": np.zeros(3, np.float32)}, path, metadata={"format": "pt"})


def newer(path: Path) -> None:
    meta = Meta("unet", {}, "denoise", "x", format=FORMAT + 1).to_json()
    save_file({"w": np.zeros(3, np.float32)}, path, metadata={"aecli": meta})


def truncated(path: Path) -> None:
    meta = Meta("unet", {}, "denoise", "x").to_json()
    save_file({"w": np.zeros(300, np.float32)}, path, metadata={"aecli": meta})
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.write_bytes(pickle.dumps({"w": 1})), "not a model of aecli"),
        (lambda p: torch.save({"w": torch.zeros(3)}, p), "not a model of aecli"),
        (lambda p: p.write_bytes(b""), "not a model of aecli"),
        (lambda p: p.write_bytes(b"\xff" * 100), "not a model of aecli"),
        (lambda p: p.write_bytes(struct.pack("<Q", 1 << 60)), "not a model of aecli"),
        (lambda p: p.write_bytes(struct.pack("<Q", 2) + b"[]"), "not a model of aecli"),
        (lambda p: p.write_bytes(struct.pack("<Q", 9) + b'{"a": 42}'), "not a model of aecli"),
        (lambda p: None, "cannot read"),
        (foreign, "another program"),
        (newer, "newer aecli"),
        (truncated, "damaged"),
    ],
)
def test_what_is_no_model_is_one_clear_line(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "m.safetensors"
    make(path)
    for reader in (checkpoints.read_meta, checkpoints.load):
        with pytest.raises(ModelError) as caught:
            reader(path)
        said = f"{caught.value.message} | {caught.value.hint}"
        assert words in said
        assert str(path) in said
        assert "\n" not in said
        assert caught.value.exit_code == 3


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    meta = Meta("unet", {"preset": "tiny"}, "denoise", "x")
    checkpoints.save(path, {"w": torch.zeros(3)}, meta)
    with pytest.raises(ModelError, match="does not fit its architecture"):
        checkpoints.load(path)


def test_files_with_earlier_names_of_weights_and_settings_load(tmp_path: Path) -> None:
    config = {"size": 16, "widths": [16], "prior_widths": [16], "classes": ["a", "b"]}
    spec = Registry.discover().get("flow")
    weights = spec.build(spec.configure({**config, "unshuffle": 4})).state_dict()
    old = {"qkv": "ask", "proj": "answer", "modulation": "tell"}
    earlier = {".".join(old.get(p, p) for p in name.split(".")): w for name, w in weights.items()}
    assert len(earlier.keys() - weights.keys()) > 6
    path = tmp_path / "m.safetensors"
    checkpoints.save(path, earlier, Meta("flow", {**config, "fold": 4}, "generate", "x"))
    loaded = checkpoints.load(path)
    assert loaded.config.unshuffle == 4
    name = "prior.attention.qkv.weight"
    assert torch.equal(loaded.module.state_dict()[name], weights[name].half().float())


def test_a_failed_save_keeps_the_old_file_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    meta = Meta("unet", {"preset": "tiny"}, "denoise", "x")
    checkpoints.save(path, {"w": torch.zeros(3)}, meta)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AecliError, match=r"m\.safetensors: .*No space left on device") as raised:
        checkpoints.save(path, {"w": torch.ones(3)}, meta)
    assert raised.value.exit_code == 1
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [spec.name for spec in Registry.discover()])
def test_outlining_a_model_does_not_load_torchs_compiler(name: str) -> None:
    code = (
        "import sys; from aecli.checkpoints.outline import hold;"
        "from aecli.models.registry import Registry;"
        f"spec = Registry.discover().get({name!r}); config = spec.presets['tiny'];"
        "state = spec.build(config).state_dict();"
        "hold(spec, config, {k: tuple(v.shape) for k, v in state.items()});"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
