from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import InputError, UsageError
from aecli.training import sources

from .digits import write_idx


def test_folders_give_their_pictures_and_labels(images: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(images.iterdir())):
        target = tmp_path / ("cats", "dogs/young")[number % 2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    found = sources.collect([str(tmp_path)])
    assert {entry.label for entry in found} == {"cats", "dogs"}
    assert len(found) == 6
    again = sources.collect([str(tmp_path), str(tmp_path)])
    assert again == found
    assert found[0].read().pixels.shape == (48, 64, 3)


def test_idx_files_are_read_with_and_without_labels(tmp_path: Path) -> None:
    pixels = write_idx(tmp_path, 7)
    found = sources.collect([str(tmp_path)])
    assert [entry.label for entry in found] == [""] * 7
    assert np.array_equal(found[3].read().pixels, pixels[3])
    labelled = sources.collect([str(tmp_path)], labelled=True)
    assert [entry.label for entry in labelled] == ["0", "1", "2", "0", "1", "2", "0"]
    [file] = sources.idx_files(tmp_path)
    assert len(sources.collect([str(file)])) == 7


def test_test_digits_are_never_trained_on(tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    write_idx(tmp_path, 5, split="t10k")
    assert len(sources.collect([str(tmp_path)])) == 3
    with pytest.raises(UsageError, match="test images, which are never trained on"):
        sources.collect([str(tmp_path / "t10k-images-idx3-ubyte.gz")])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-30], "damaged or truncated"),
        (lambda data: gzip.compress(gzip.decompress(data)[:-5]), "bytes instead of"),
        (lambda data: gzip.compress(b"\0\0\x0d\3" + gzip.decompress(data)[4:]), "no IDX file"),
        (lambda data: gzip.compress(b"\0\0"), "no IDX file"),
        (lambda data: gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 0, 28, 28)), "damaged"),
        (lambda data: b"hello", "damaged or truncated"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path: Path, change, words: str) -> None:
    write_idx(tmp_path, 3)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=words) as caught:
        sources.collect([str(tmp_path)])
    assert str(path) in caught.value.message


def test_labels_must_lie_beside_and_be_as_many(tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, 2) + b"\0\1"))
    with pytest.raises(InputError, match="3 images, but 2 labels"):
        sources.collect([str(tmp_path)], labelled=True)
    labels.unlink()
    with pytest.raises(InputError, match="no train-labels-idx1-ubyte beside it"):
        sources.collect([str(tmp_path)], labelled=True)


@pytest.fixture
def archive(tmp_path: Path, images: Path) -> Path:
    path = tmp_path / "icons.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number, image in enumerate(sorted(images.iterdir())):
            file.write(image, f"{'ab'[number % 2]}/{image.name}")
        file.writestr("a/readme.txt", "no picture")
        file.writestr("__MACOSX/a/._image0.png", "no picture")
        file.writestr("a/.hidden.png", "no picture")
        file.writestr("a/broken.png", b"\x89PNG\r\n\x1a\n junk")
    return path


def test_archives_give_their_pictures_and_labels(archive: Path, images: Path) -> None:
    found = sources.collect([str(archive)])
    assert [entry.label for entry in found] == ["a", "b", "a", "b", "a", "b", "a"]
    with Image.open(images / "image1.png") as picture:
        assert np.array_equal(found[1].read().pixels, np.asarray(picture))
    with pytest.raises(InputError, match=r"icons\.zip:a/broken\.png: damaged"):
        found[-1].read()


def test_damaged_archives_are_named(archive: Path) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"icons\.zip: damaged or truncated"):
        sources.collect([str(archive)])
    name = b"b/image1.png"
    start = data.index(name) + len(name) + 20
    archive.write_bytes(data[:start] + b"\xff" * 40 + data[start + 40 :])
    with pytest.raises(InputError, match=r"icons\.zip:b/image1\.png: damaged"):
        sources.collect([str(archive)])[1].read()


def test_an_archive_or_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "no picture")
    with pytest.raises(UsageError, match=r"no images in .*empty\.zip"):
        sources.collect([str(path)])
    with pytest.raises(UsageError, match="no images in"):
        sources.collect([str(tmp_path)])
    with pytest.raises(UsageError, match="no file or folder"):
        sources.collect([str(tmp_path / "gone")])
