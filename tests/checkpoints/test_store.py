from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aecli.checkpoints import store
from aecli.checkpoints.store import Origin
from aecli.errors import ModelError, UsageError


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the bundled models."""
    folder = tmp_path / "pretrained"
    folder.mkdir()
    monkeypatch.setattr(store, "bundled_folder", lambda: folder)
    return folder


def bundle(folder: Path, source: Path, name: str, digest: str | None = None) -> Path:
    target = folder / f"{name}.safetensors"
    target.write_bytes(source.read_bytes())
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{digest or store.sha256(target)}  {target.name}\n")
    return target


def test_home_is_the_variable_or_the_platforms_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.home() == home
    monkeypatch.delenv("AECLI_HOME")
    assert store.home().name == "aecli"
    monkeypatch.setenv("AECLI_HOME", "~/elsewhere")
    assert store.home() == Path.home() / "elsewhere"


def test_bundled_models_lie_in_the_package_or_beside_it() -> None:
    package = Path(store.__file__).parents[1]
    assert store.bundled_folder() in (package / "pretrained", package.parent / "pretrained")


def test_a_name_finds_the_users_model_before_the_bundled_one(
    tiny_denoiser: Path, bundled: Path
) -> None:
    own = store.find("denoise", "tiny")
    assert (own.path, own.task, own.name, own.origin) == (
        tiny_denoiser,
        "denoise",
        "tiny",
        Origin.USER,
    )
    copy = bundle(bundled, tiny_denoiser, "denoise-tiny")
    assert store.find("denoise", "tiny").path == tiny_denoiser
    tiny_denoiser.unlink()
    found = store.find("denoise", "tiny")
    assert (found.path, found.origin) == (copy, Origin.BUNDLED)


def test_a_path_finds_the_file_itself(
    tiny_denoiser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(tiny_denoiser.read_bytes())
    monkeypatch.chdir(tmp_path)
    for model in (copy, str(copy), "./mine.safetensors", "mine.safetensors"):
        found = store.find("denoise", model)
        assert found.path.resolve() == copy.resolve()
        assert (found.name, found.origin) == ("tiny", Origin.PATH)


def test_a_file_without_a_suffix_never_shadows_a_name(
    tiny_denoiser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"not a model")
    assert store.find("denoise", "tiny").path == tiny_denoiser


def test_a_family_is_found_by_name_and_scale(bundled: Path, tiny_denoiser: Path) -> None:
    copy = bundle(bundled, tiny_denoiser, "denoise-clean-x2")
    assert store.find("denoise", "clean").path == copy
    assert store.find("denoise", "clean-x2").path == copy
    with pytest.raises(ModelError, match="no model 'clean-x4' for denoise"):
        store.find("denoise", "clean-x4")


def test_an_unknown_name_hints_at_the_nearest(tiny_denoiser: Path) -> None:
    with pytest.raises(ModelError) as raised:
        store.find("denoise", "tinny")
    assert raised.value.hint == "did you mean tiny?"
    assert raised.value.exit_code == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.safetensors: No such file"):
        store.find("denoise", tmp_path / "none.safetensors")


def test_a_model_of_another_task_is_refused(tiny_denoiser: Path) -> None:
    with pytest.raises(ModelError, match="is a model for denoise, not for upscale"):
        store.find("upscale", tiny_denoiser)
    renamed = tiny_denoiser.with_name("upscale-tiny.safetensors")
    tiny_denoiser.rename(renamed)
    with pytest.raises(ModelError, match="not for upscale"):
        store.load("upscale", "tiny")


def test_the_default_is_the_first_preferred_model_installed(
    bundled: Path, tiny_denoiser: Path
) -> None:
    with pytest.raises(ModelError, match="no default model for denoise among tiny"):
        store.default("denoise")
    bundle(bundled, tiny_denoiser, "denoise-gaussian")
    assert store.default("denoise") == "gaussian"
    bundle(bundled, tiny_denoiser, "denoise-photo")
    assert store.default("denoise") == "photo"
    assert store.find("denoise").name == "photo"
    assert [found.name for found in store.preferred("denoise")] == ["photo", "gaussian"]


def test_without_any_model_the_hint_says_how_to_get_one(bundled: Path) -> None:
    with pytest.raises(ModelError) as raised:
        store.find("denoise")
    assert "aecli train denoise" in (raised.value.hint or "")


def test_entries_list_each_name_once_in_order(bundled: Path, tiny_denoiser: Path) -> None:
    for name in ("denoise-tiny", "denoise-b", "upscale-a-x2"):
        bundle(bundled, tiny_denoiser, name)
    tiny_denoiser.with_name(".denoise-tiny.safetensors.7.part").write_bytes(b"")
    rows = [(e.task, e.name, e.origin) for e in store.entries()]
    assert rows == [
        ("denoise", "b", Origin.BUNDLED),
        ("denoise", "tiny", Origin.USER),
        ("upscale", "a-x2", Origin.BUNDLED),
    ]
    assert [e.name for e in store.entries("upscale")] == ["a-x2"]


def test_bundled_weights_are_verified_before_they_are_loaded(
    bundled: Path, tiny_denoiser: Path
) -> None:
    good = bundle(bundled, tiny_denoiser, "denoise-good")
    assert store.verify(store.find("denoise", "good")) is True
    assert store.load("denoise", "good").meta.tag == "tiny"
    damaged = bytearray(good.read_bytes())
    damaged[-1] ^= 1
    good.write_bytes(damaged)
    with pytest.raises(ModelError, match="its sha256 is not the one in SHA256SUMS"):
        store.load("denoise", "good")
    (bundled / "SHA256SUMS").unlink()
    with pytest.raises(ModelError, match="not listed"):
        store.verify(store.find("denoise", "good"))


def test_a_users_model_is_verified_by_its_structure(tiny_denoiser: Path) -> None:
    assert store.verify(store.find("denoise", "tiny")) is False
    tiny_denoiser.write_bytes(tiny_denoiser.read_bytes()[:-100])
    with pytest.raises(ModelError, match="is damaged"):
        store.load("denoise", "tiny")


def test_load_gives_a_module_in_evaluation_mode_and_fp32(tiny_denoiser: Path) -> None:
    model = store.load("denoise", "tiny")
    assert not model.module.training
    assert {str(p.dtype) for p in model.module.parameters()} == {"torch.float32"}
    assert model.spec.name == "unet"


def test_only_the_users_own_models_are_removed(bundled: Path, tiny_denoiser: Path) -> None:
    bundle(bundled, tiny_denoiser, "denoise-good")
    with pytest.raises(UsageError, match="not one of your own"):
        store.remove("denoise", "good")
    assert store.remove("denoise", "tiny") == tiny_denoiser
    assert not tiny_denoiser.exists()
    with pytest.raises(ModelError):
        store.remove("denoise", "tiny")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "-m", "ä"])
def test_names_that_would_not_be_file_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a name for a model"):
        store.file_name("denoise", name)


def test_the_bundled_weights_match_their_checksums() -> None:
    for entry in store.entries():
        assert store.verify(entry)


def test_finding_and_listing_import_no_torch(tiny_denoiser: Path) -> None:
    code = (
        "import sys; from aecli.checkpoints import store;"
        "store.verify(store.find('denoise', 'tiny')); store.entries();"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    root = Path(store.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_a_family_has_one_member_a_scale(
    tiny_denoiser: Path, bundled: Path, tmp_path: Path
) -> None:
    for name in ("clean-x2", "clean-x4", "photo-x3", "other"):
        bundle(bundled, tiny_denoiser, f"denoise-{name}")
    assert store.find("denoise", "clean-x4").name == "clean-x4"
    assert store.find("denoise", "clean").name == "clean-x2"
    assert store.find("denoise", "photo-x3").name == "photo-x3"
    assert {s: f.name for s, f in store.scales("denoise", "clean").items()} == {
        2: "clean-x2",
        4: "clean-x4",
    }
    assert store.scales("denoise", "clean-x4").keys() == {1}  # alone; its config names no scale
    assert store.default("denoise") == "photo"
    assert store.scales("denoise").keys() == {3}
    with pytest.raises(ModelError, match="no model 'clean-x3'"):
        store.find("denoise", "clean-x3")
