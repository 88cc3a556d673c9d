from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store

from ..hub import TOKEN

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def test_list_is_a_table_or_json_lines(aecli, tiny_denoiser) -> None:
    header, row = aecli("models", "list").lines
    assert header.split() == ["TASK", "NAME", "(*", "default)", "ORIGIN", "SIZE", "FOR"]
    kilobytes = f"{tiny_denoiser.stat().st_size / 1000:.0f}"
    assert row.split() == ["denoise", "tiny", "user", kilobytes, "kB", "unet,", "none"]
    [record] = aecli("models", "list", "denoise", "--json").records
    assert record == {
        "task": "denoise",
        "name": "tiny",
        "default": False,
        "origin": "user",
        "bytes": tiny_denoiser.stat().st_size,
        "for": "unet, none",
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
    lines = [line.split() for line in aecli("models", "show", "denoise", "tiny").lines]
    assert lines[0] == ["aecli", "denoise", "-m", "tiny"]
    assert ["parameters", f"{facts['parameters']:,}"] in lines
    assert lines.index(["network"]) < lines.index(["training"]) < lines.index(["data", "none"])


def test_steps_are_those_of_all_stages(aecli, tiny_denoiser) -> None:
    model = checkpoints.load(tiny_denoiser)
    stages = [{"recipe": {}, "steps": 30, "seconds": 2}, {"recipe": {}, "steps": 5, "seconds": 1}]
    meta = replace(model.meta, training=model.meta.training | {"steps": 7, "stages": stages})
    checkpoints.save(tiny_denoiser, model.module.state_dict(), meta)
    lines = [line.split() for line in aecli("models", "show", "denoise", "tiny").lines]
    assert ["steps", "42"] in lines
    assert ["steps", "of", "each", "stage", "30,", "5,", "7"] in lines


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


def test_the_list_fits_a_terminal_whatever_models_say_of_themselves(aecli, tiny_denoiser) -> None:
    meta = replace(checkpoints.read_meta(tiny_denoiser), training={"data": "pictures\n" * 40})
    checkpoints.save(
        tiny_denoiser.with_name("denoise-a-name-of-thirty-letters-at-all.safetensors"), {}, meta
    )
    lines = aecli("models", "list").lines
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].endswith("...")
    assert str(tiny_denoiser) not in lines[2]
    wide = aecli("models", "list", "-v").lines
    assert str(tiny_denoiser) in wide[2]
    assert wide[1].count("pictures") == 40


def test_show_is_short_and_json_is_not(aecli, tiny_denoiser) -> None:
    novelty = [i / 7 for i in range(201)]
    training = {"seconds": 12345, "recipe": {"optim": {"lr": 1e-3}}, "from": None, "marks": novelty}
    metrics = {"psnr": 33.123456}
    meta = replace(checkpoints.read_meta(tiny_denoiser), training=training, metrics=metrics)
    checkpoints.save(tiny_denoiser, checkpoints.load(tiny_denoiser).module.state_dict(), meta)
    tiny_denoiser.with_suffix(".md").write_text(
        "---\nlicense: mit\n---\n# tiny\n\nOne\x1b[2J\n[two].\n\nThree.\n"
    )
    text = aecli("models", "show", "denoise", "tiny").out.decode()
    assert "psnr  33.12\n" in text
    assert "seconds  12,345\n" in text
    assert "0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1, ... (201 values)\n" in text
    assert text.endswith("\ncard (--card shows all of it)\n  One\\x1b[2J\n  [two].\n")
    assert "lr" not in text
    assert "from" not in text
    [facts] = aecli("models", "show", "denoise", "tiny", "--json").records
    assert facts["training"] == training
    assert facts["metrics"] == metrics
    assert facts["card"].endswith("Three.\n")
    assert aecli("models", "show", "denoise", "tiny", "--card").lines[-1] == "Three."


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


def test_rm_takes_a_file_and_what_is_damaged(aecli, tiny_upscaler, tmp_path, monkeypatch) -> None:
    family = aecli("models", "rm", "upscale", "tiny")
    assert (family.code, "tiny-x2, tiny-x3, tiny-x4" in family.err) == (2, True)
    assert aecli("models", "rm", "upscale", tiny_upscaler / "upscale-tiny-x2.safetensors").code == 0
    monkeypatch.chdir(tiny_upscaler)
    assert aecli("models", "rm", "upscale", "upscale-tiny-x3.safetensors").code == 0
    last = tiny_upscaler / "upscale-tiny-x4.safetensors"
    copy = tmp_path / last.name
    copy.write_bytes(last.read_bytes())
    assert aecli("models", "rm", "upscale", copy).code == 2
    assert copy.exists()
    last.write_bytes(b"rubbish")
    assert aecli("models", "rm", "upscale", "tiny-x4").code == 0
    assert list(tiny_upscaler.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"<!DOCTYPE html><html>Sign in to Hotel Wi-Fi</html>",
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"sign in"',
        b'{"login": "https://portal.example"}',
        b'{"id": "ann/tiny"}',
        b'{"id": 1, "sha": 2}',
        b'{"id": "ann/tiny", "sha": "0000000000000000000000000000000000000000", "siblings": [1]}',
        b'{"id": "ann/tiny", "sha": "0000000000000000000000000000000000000000", "siblings": 1}',
    ],
)
def test_a_sign_in_page_in_the_hubs_place_is_called_so(
    aecli, hub, tiny_denoiser, monkeypatch, answer: bytes
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.portal = answer
    for words, code in ((("add",), 3), (("push", "denoise", "tiny"), 1)):
        refused = aecli("models", *words, "hf:ann/tiny")
        assert (refused.code, refused.out) == (code, b"")
        assert refused.err.splitlines() == [
            f"aecli: error: hf:ann/tiny: what answers at {hub.url} is not the hub",
            "aecli: hint: the sign-in page of a network may stand between: a browser shows it",
        ]


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own
def test_a_model_goes_to_the_hub_and_comes_back(
    aecli, hub, tiny_denoiser, home, monkeypatch
) -> None:
    weights = tiny_denoiser.read_bytes()
    refused = aecli("models", "push", "denoise", "tiny", "hf:ann/shared")
    assert refused.code == 1
    assert len(refused.err.splitlines()) == 2
    assert "`hf auth login` stores one" in refused.err
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    pushed = aecli("models", "push", "denoise", "tiny", "hf:ann/shared", "--licence", "cc0-1.0")
    assert pushed.code == 0
    assert f"pushed tiny to {hub.url}/ann/shared (private)" in pushed.err
    place = pushed.err.split()[-1]
    assert aecli("models", "rm", "denoise", "tiny").code == 0
    [added] = aecli("models", "add", "hf:ann/shared", "--json").records
    assert Path(added["path"]).read_bytes() == weights
    [facts] = aecli("models", "show", "denoise", "tiny", "--json").records
    assert facts["source"] == place
    text = aecli("models", "show", "denoise", "tiny").out.decode()
    assert ["from", place] in [line.split() for line in text.splitlines()]
    assert "A model for `aecli denoise`." in text
    card = facts["card"]
    assert card.startswith("---\nlicense: cc0-1.0\nlibrary_name: aecli\n")
    assert "\naecli models add hf:ann/shared/denoise-tiny.safetensors\n" in card
    assert f"| parameters | {facts['parameters']:,} |" in card
    assert "| data | none |" in card
    [verified] = aecli("models", "verify", "--json").records
    assert verified["checked"] == "sha256"
    again = aecli("models", "push", "denoise", "tiny", "hf:ann/shared", "--public", "--json")
    assert (again.records[0]["private"], again.records[0]["card"]) == (False, "kept")


def test_places_that_are_none_are_exit_2(aecli, tiny_denoiser) -> None:
    for place in ("ann/tiny", "hf:ann"):
        assert aecli("models", "push", "denoise", "tiny", place).code == 2
    assert aecli("models", "push", "denoise", "tiny", "hf:a/b", "--licence", "my own").code == 2


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
