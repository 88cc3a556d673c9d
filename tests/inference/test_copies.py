from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from aecli.images import writing
from aecli.images.image import Image as Picture
from aecli.inference import copies, thumbnails

RNG = np.random.default_rng(1)
NOISE = Image.fromarray(RNG.integers(0, 256, (40, 40, 3), np.uint8))


def test_the_best_copy_has_most_pixels_then_the_largest_file(tmp_path: Path) -> None:
    NOISE.save(tmp_path / "good.jpg", quality=95)
    NOISE.save(tmp_path / "bad.jpg", quality=20)
    NOISE.resize((20, 20)).save(tmp_path / "small.png")
    names = [str(tmp_path / n) for n in ("gone.jpg", "small.png", "bad.jpg", "good.jpg")]
    assert copies.best_first(names) == names[::-1]


def test_what_a_camera_wrote_is_the_original(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "a camera"
    NOISE.save(tmp_path / "photo.jpg", quality=60, exif=exif)
    NOISE.save(tmp_path / "converted.png", exif=exif)
    NOISE.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
    sizes = {p.name: p.stat().st_size for p in tmp_path.iterdir()}
    assert sizes["photo.jpg"] < sizes["converted.png"]
    names = [str(p) for p in tmp_path.iterdir()]
    assert Path(copies.best_first(names)[0]).name == "photo.jpg"


def test_what_cameras_alone_write_is_the_original(tmp_path: Path) -> None:
    file = tmp_path / "photo.heic"
    with file.open("wb") as opened:
        writing.write(Picture(np.asarray(NOISE)), opened, "HEIC", quality=30)
    NOISE.save(tmp_path / "converted.jpg", quality=100)
    assert file.stat().st_size < (tmp_path / "converted.jpg").stat().st_size
    names = [str(tmp_path / "converted.jpg"), str(file)]
    assert copies.best_first(names) == names[::-1]


def test_one_file_is_one_row(tmp_path: Path) -> None:
    NOISE.save(tmp_path / "photo.png")
    NOISE.save(tmp_path / "other.png")
    (tmp_path / "a_link.png").symlink_to("photo.png")
    (tmp_path / "view").symlink_to(tmp_path)
    os.link(tmp_path / "photo.png", tmp_path / "z_hard.png")
    paths = ["a_link.png", "view/photo.png", "photo.png", "z_hard.png", "other.png", "gone.png"]
    rows = copies.one_a_file([str(tmp_path / path) for path in paths])
    assert [paths[row] for row in rows] == ["photo.png", "other.png", "gone.png"]


def test_mirror_images_are_told_from_turned_and_symmetric_ones(tmp_path: Path) -> None:
    coarse = Image.fromarray(RNG.integers(0, 256, (6, 6, 3), np.uint8))
    picture = coarse.resize((90, 90), Image.Resampling.BICUBIC)
    both = np.asarray(picture).copy()
    both[:, 45:] = both[:, 44::-1]
    mirror = Image.Transpose.FLIP_LEFT_RIGHT
    for name, made in {
        "0.png": picture,
        "1.png": picture.transpose(mirror),
        "2.png": picture.transpose(Image.Transpose.ROTATE_90),
        "3.png": picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        "4.jpg": picture.resize((70, 70)),
    }.items():
        made.save(tmp_path / name)
    pictures, _ = thumbnails.read(sorted(map(str, tmp_path.iterdir())), copies.SIDE, 1)
    assert copies.mirrored(pictures).tolist() == [False, True, False, True, False]
    for made in (Image.fromarray(both), Image.fromarray(both).transpose(mirror)):
        made.save(tmp_path / "symmetric.png")
    pictures, _ = thumbnails.read([str(tmp_path / "symmetric.png")] * 2, copies.SIDE, 1)
    assert not copies.mirrored(pictures).any()
