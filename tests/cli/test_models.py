from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def test_list_is_a_table_or_json_lines(aecli, tiny_denoiser) -> None:
    header, row = aecli("models", "list").lines
    assert header.split()[:3] == ["TASK", "NAME", "DEFAULT"]
    assert row.split()[:4] == ["denoise", "tiny", "no", "user"]
    [record] = aecli("models", "list", "denoise", "--json").records
    assert record == {
        "task": "denoise",
        "name": "tiny",
        "default": False,
        "origin": "user",
        "bytes": tiny_denoiser.stat().st_size,
        "about": "unet, none",
        "path": str(tiny_denoiser),
    }
    assert aecli("models", "list", "upscale").out == b""


def test_show_tells_size_cost_origin_and_licence(aecli, tiny_denoiser) -> None:
    [facts] = aecli("models", "show", "denoise", "tiny", "--json").records
    assert facts["architecture"] == "unet"
    assert facts["training"]["data"] == "none"
    model = store.load("denoise", "tiny")
    assert facts["parameters"] == sum(p.numel() for p in model.module.parameters())
    assert facts["receptive_field"] == 2 * model.geometry.radius + 1
    assert facts["flops_per_pixel"] > facts["parameters"] / 100
    lines = aecli("models", "show", "denoise", "tiny").lines
    assert ["parameters", f"{facts['parameters']:,}"] in [line.split() for line in lines]
    assert ["training.data", "none"] in [line.split() for line in lines]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"config": {"wings": 2}}, "no setting 'wings'"),
        ({"config": {"preset": ["tiny"]}}, "does not fit"),
        ({"config": {"widths": [10**9], "blocks": [1]}}, "does not fit"),
        ({"architecture": "ornithopter"}, "unknown architecture 'ornithopter'"),
    ],
)
def test_a_model_that_fits_no_architecture_is_exit_3(
    aecli, tiny_denoiser, tmp_path, changed, words
) -> None:
    picture = tmp_path / "x.png"
    Image.new("L", (8, 8)).save(picture)
    meta = replace(checkpoints.read_meta(tiny_denoiser), **changed)
    checkpoints.save(tiny_denoiser, {}, meta)
    for command in (("models", "show", "denoise", "tiny"), ("denoise", "-m", "tiny", picture)):
        result = aecli(*command)
        assert result.code == 3
        assert str(tiny_denoiser) in result.err.splitlines()[0]
        assert words in result.err.splitlines()[0]


def test_path_prints_the_file(aecli, tiny_denoiser) -> None:
    assert aecli("models", "path", "denoise", "tiny").lines == [str(tiny_denoiser)]


def test_verify_names_what_is_damaged_and_exits_3(aecli, tiny_denoiser) -> None:
    good = aecli("models", "verify", "--json")
    assert good.code == 0
    assert good.records == [
        {"task": "denoise", "name": "tiny", "status": "ok", "checked": "structure"}
    ]
    tiny_denoiser.write_bytes(b"rubbish")
    bad = aecli("models", "verify")
    assert bad.code == 3
    assert "damaged" in bad.lines[1]
    assert aecli("models", "verify", "denoise", "tiny").code == 3
    assert aecli("models", "list").code == 0


def test_add_and_rm(aecli, tiny_denoiser, tmp_path, home) -> None:
    copy = tiny_denoiser.rename(tmp_path / "copy.safetensors")
    added = aecli("models", "add", copy, "--name", "mine", "--sha256", store.sha256(copy))
    assert added.code == 0
    assert "aecli denoise -m mine" in added.err
    assert (home / "models" / "denoise-mine.safetensors").exists()
    assert aecli("models", "add", copy, "--name", "mine").code == 2
    again = aecli("models", "add", copy, "--name", "mine", "--overwrite", "--json")
    assert again.records[0]["name"] == "mine"
    assert aecli("models", "rm", "denoise", "mine").code == 0
    assert aecli("models", "list").out == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ("models", "show", "denoise", "none"),
        ("models", "show", "none.safetensors"),
        ("models", "path", "denoise"),
        ("models", "rm", "denoise", "none"),
        ("models", "add", "/none.safetensors"),
        ("denoise", "-m", "none", "x.png"),
    ],
)
def test_a_missing_model_is_exit_3(aecli, arguments) -> None:
    result = aecli(*arguments)
    assert result.code == 3
    assert result.err.startswith("aecli: error: ")


def test_a_pickle_given_as_a_model_is_exit_3(aecli, tmp_path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"\x80\x04K\x01.")
    result = aecli("denoise", "-m", path, "x.png")
    assert result.code == 3
    assert "pickles are never loaded" in result.err


def test_a_model_is_exported(aecli, tiny_denoiser, tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    target = tmp_path / "tiny.onnx"
    result = aecli("models", "export", "denoise", "tiny", target, "--json")
    assert result.code == 0
    [record] = result.records
    assert record["sha256"] == store.sha256(target)
    assert record["weights_sha256"] == store.sha256(tiny_denoiser)
    model = onnx.load(target)
    assert {p.key: p.value for p in model.metadata_props}["task"] == "denoise"
    assert str(model.opset_import[0].version) == record["opset"]
    assert aecli("models", "export", "denoise", "tiny", target).code == 1
    again = aecli("models", "export", "denoise", "tiny", target, "--overwrite")
    assert again.code == 0
    assert f"sha256 {record['sha256']}" in again.err
