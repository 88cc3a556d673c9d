from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aecli.datasets.collecting import collect
from aecli.errors import TrainingError
from aecli.training.config import DataConfig
from aecli.training.crops import open_crops, validation_crops
from aecli.training.degradations.draws import Draws
from aecli.training.shelves import Streamed

from .conftest import Recorder

CPU = torch.device("cpu")
CONFIG = DataConfig(crop=24, batch=4, grey=0.3, shrink=0.5)
PLAIN = DataConfig(crop=16, grey=0, shrink=0, flips=False)


def paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def crops(folder: Path, config: DataConfig = CONFIG, **more: Any) -> Any:
    return open_crops(
        collect([str(folder)]), config, 3, CPU, more.pop("observer", Recorder()), **more
    )


def take(source: Any, numbers: Any) -> torch.Tensor:
    return source.take(Draws(3, numbers, CPU))[0]


@pytest.mark.parametrize("cache_mb", [100, 0], ids=["resident", "streamed"])
def test_a_crop_depends_on_its_number_alone(images: Path, cache_mb: int) -> None:
    config = DataConfig(crop=24, grey=0.3, shrink=0.5, candidates=3, cache_mb=cache_mb)
    source = crops(images, config)
    whole = take(source, range(12))
    assert whole.shape == (12, 3, 24, 24)
    assert torch.equal(whole[5:], take(crops(images, config), range(5, 12)))
    assert torch.equal(whole[[7, 2]], take(source, [7, 2]))
    assert len({crop.numpy().tobytes() for crop in whole}) == 12


def test_crops_are_places_in_the_pictures(images: Path) -> None:
    whole = [np.array(Image.open(path).convert("RGB")) for path in paths(images)]
    for crop in take(crops(images, PLAIN), range(20)):
        pixels = (crop.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        views = [
            np.lib.stride_tricks.sliding_window_view(w, (16, 16), axis=(0, 1)).transpose(
                0, 1, 3, 4, 2
            )
            for w in whole
        ]
        assert any((view == pixels).all((2, 3, 4)).any() for view in views)


def test_the_eight_symmetries_are_drawn(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    turned = DataConfig(crop=16, grey=0, shrink=0)
    seen = {crop.numpy().tobytes() for crop in take(crops(tmp_path, turned), range(100))}
    eight = [np.rot90(p, n) for p in (picture, picture[:, ::-1]) for n in range(4)]
    wanted = {
        torch.from_numpy(p.copy()).permute(2, 0, 1).float().div(255).numpy().tobytes()
        for p in eight
    }
    assert seen == wanted


def test_shares_are_shrunk_and_grey(tmp_path: Path) -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[::2] = [255, 128, 0]
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    batch = take(
        crops(tmp_path, DataConfig(crop=32, grey=0.25, shrink=0.5, flips=False)), range(400)
    )
    grey = (batch == batch[:, :1]).flatten(1).all(1).float().mean()
    assert float(grey) == pytest.approx(0.25, abs=0.07)
    sharp = (batch.amax((1, 2, 3)) - batch.amin((1, 2, 3)) > 0.6).float().mean()
    assert float(sharp) == pytest.approx(0.5, abs=0.08), "a shrunk stripe is blurred"


def test_the_most_detailed_of_several_candidates_is_used(images: Path) -> None:
    def detail(config: DataConfig) -> float:
        batch = take(crops(images, config), range(100))
        return float(batch.diff(dim=2).abs().mean() + batch.diff(dim=3).abs().mean())

    plain = {"crop": 16, "grey": 0, "shrink": 0}
    assert detail(DataConfig(**plain, candidates=6)) > 1.1 * detail(DataConfig(**plain))


def test_small_pictures_give_whole_crops(images: Path) -> None:
    assert take(crops(images, DataConfig(crop=80, shrink=1)), range(8)).shape == (8, 3, 80, 80)


def test_every_picture_is_seen_although_few_fit(images: Path) -> None:
    recorder = Recorder()
    config = DataConfig(crop=24, cache_mb=0)
    source = crops(images, config, observer=recorder)
    assert "decoded when needed" in recorder.notes[0]
    shelf = source._shelf
    assert isinstance(shelf, Streamed)
    numbers = np.arange(6 * 64 * 2)
    u = np.random.default_rng(0).random(len(numbers))
    assert set(shelf.files(numbers, u).tolist()) == set(range(6))
    take(source, range(0, 700, 50))
    assert len(shelf._held) == 1


def test_transparent_and_deep_pictures(tmp_path: Path) -> None:
    hidden = np.full((20, 20, 4), 77, np.uint8)
    hidden[..., 3] = 0
    Image.fromarray(hidden).save(tmp_path / "hidden.png")
    batch = take(crops(tmp_path, PLAIN), range(3))
    assert bool((batch == 1).all()), "what is hidden is white"
    deep = Image.fromarray(np.full((20, 20), 65535 * 100 // 255 + 120, np.uint16))
    folder = tmp_path / "deep"
    folder.mkdir()
    deep.save(folder / "deep.png")
    assert torch.equal(take(crops(folder, PLAIN), [0]) * 255, torch.full((1, 3, 16, 16), 100.0))


def test_extras_come_in_as_they_are_and_are_named(images: Path) -> None:
    checks = np.indices((32, 32)).sum(0).astype(np.uint8) % 2 * 255
    config = DataConfig(crop=16, grey=1, shrink=1)
    source = crops(images, config, extras=[checks], share=0.3)
    clean, extra = source.take(Draws(0, range(300), CPU))
    assert extra.mean() == pytest.approx(0.3, abs=0.08)
    is_check = ((clean == 0) | (clean == 1)).flatten(1).all(1).numpy()
    assert np.array_equal(is_check, extra)
    assert torch.equal(clean[5:9], source.take(Draws(0, range(5, 9), CPU))[0])


@pytest.mark.parametrize("cache_mb", [100, 0], ids=["resident", "streamed"])
def test_corrupt_images_are_named_and_skipped(images: Path, tmp_path: Path, cache_mb: int) -> None:
    good = paths(images)[0].read_bytes()
    (tmp_path / "good.png").write_bytes(good)
    (tmp_path / "broken.png").write_bytes(good[:-40])
    (tmp_path / "text.png").write_text("no picture")
    recorder = Recorder()
    source = crops(tmp_path, DataConfig(crop=16, cache_mb=cache_mb), observer=recorder)
    take(source, range(20))
    assert len(recorder.warnings) == 2
    assert "text.png" in recorder.warnings[0]
    assert "broken.png" in recorder.warnings[1]
    (tmp_path / "good.png").unlink()
    with pytest.raises(TrainingError, match="image"):
        take(crops(tmp_path, DataConfig(crop=16, cache_mb=cache_mb)), range(2))
    (tmp_path / "broken.png").unlink()
    with pytest.raises(TrainingError, match="no readable image"):
        crops(tmp_path)


def test_validation_looks_at_central_squares(images: Path) -> None:
    held_out = validation_crops(collect([str(images)]), 48, 4, print)
    assert [picture.shape for picture in held_out] == [(48, 48, 3)] * 4
    first = np.array(Image.open(paths(images)[5]).convert("RGB"))
    assert any(np.array_equal(first, picture) for picture in held_out)
