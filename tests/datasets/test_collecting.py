from __future__ import annotations

import gzip
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.datasets import limits
from aecli.datasets.collecting import collect, find
from aecli.errors import AecliError, InputError, UsageError
from tests.training.digits import write_idx

TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"


def test_folders_give_their_pictures_and_labels(images: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(images.iterdir())):
        target = tmp_path / ("cats", "dogs/young")[number % 2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    found = collect([str(tmp_path)])
    assert {item.label for item in found} == {"cats", "dogs"}
    assert len(found) == 6
    assert collect([str(tmp_path), str(tmp_path)]) == found
    assert found[0].image().pixels.shape == (48, 64, 3)
    assert found[0].size() == (48, 64)


def test_idx_files_are_read_with_the_labels_beside(tmp_path: Path) -> None:
    pixels = write_idx(tmp_path, 7)
    found = collect([str(tmp_path)])
    assert [item.label for item in found] == ["0", "1", "2", "0", "1", "2", "0"]
    assert np.array_equal(found[3].image().pixels, pixels[3])
    assert found[3].size() == (28, 28)
    assert collect([str(tmp_path / TRAIN)]) == found
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    plain = tmp_path / "train-images-idx3-ubyte"
    plain.write_bytes(gzip.decompress((tmp_path / TRAIN).read_bytes()))
    assert {item.label for item in collect([str(plain)])} == {""}


def test_test_images_are_trained_on_only_where_they_are_named_alone(tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    write_idx(tmp_path, 5, split="t10k")
    everything = [str(path) for path in sorted(tmp_path.iterdir())]  # mnist/*.gz
    assert len(collect([str(tmp_path)], training=True)) == 3
    assert len(collect(everything, training=True)) == 3
    assert len(collect([str(tmp_path / TEST)], training=True)) == 5
    assert len(collect([f"{tmp_path / TEST}::4"], training=True)) == 1
    assert len(collect(everything)) == len(collect([str(tmp_path)])) == 8
    (tmp_path / TRAIN).unlink()
    with pytest.raises(UsageError, match="holds test images"):
        collect([str(tmp_path)], training=True)


def test_one_picture_is_named_by_its_place(tmp_path: Path, archive: Path) -> None:
    pixels = write_idx(tmp_path, 3)
    item = find(f"{tmp_path / TRAIN}::2")
    assert np.array_equal(item.image().pixels, pixels[2])
    assert (item.path, item.label) == (f"{tmp_path / TRAIN}::2", "2")
    assert find(f"{archive}::a/image0.png").label == "a"
    with pytest.raises(InputError, match="::3: there is no such picture") as caught:
        find(f"{tmp_path / TRAIN}::3")
    assert caught.value.hint == "there are 0 to 2"
    with pytest.raises(InputError, match=r"::a/image1\.png: there is no such picture"):
        find(f"{archive}::a/image1.png")
    with pytest.raises(UsageError, match="holds 3 pictures"):
        find(str(tmp_path / TRAIN))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-30], "damaged or truncated"),
        (lambda data: gzip.compress(gzip.decompress(data)[:-5]), "bytes instead of"),
        (lambda data: gzip.compress(gzip.decompress(data) + bytes(9)), "more bytes instead of"),
        (lambda data: gzip.compress(b"\0\0\x0d\3" + gzip.decompress(data)[4:]), "no IDX file"),
        (lambda data: gzip.compress(b"\0\0"), "no IDX file"),
        (lambda data: gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 0, 28, 28)), "damaged"),
        (lambda data: gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, *[2**31] * 3)), "larger than"),
        (lambda data: b"hello", "damaged or truncated"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path: Path, change, words: str) -> None:
    write_idx(tmp_path, 3)
    path = tmp_path / TRAIN
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=words) as caught:
        collect([str(tmp_path)])
    assert str(path) in caught.value.message


def test_labels_must_be_as_many_as_the_images(tmp_path: Path) -> None:
    write_idx(tmp_path, 3)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, 2) + b"\0\1"))
    with pytest.raises(InputError, match="3 images, but 2 labels"):
        collect([str(tmp_path)])


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
    found = collect([str(archive)])
    assert [item.label for item in found] == ["a", "b", "a", "b", "a", "b", "a"]
    with Image.open(images / "image1.png") as picture:
        assert np.array_equal(found[1].image().pixels, np.asarray(picture))
    with pytest.raises(InputError, match=r"icons\.zip::a/broken\.png: damaged"):
        found[-1].image()


def test_archives_in_folders_are_no_pictures(archive: Path, images: Path) -> None:
    (archive.parent / "image.png").write_bytes((images / "image0.png").read_bytes())
    assert [Path(item.path).name for item in collect([str(archive.parent)])] == ["image.png"]


def test_damaged_archives_are_named(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"icons\.zip: damaged or truncated"):
        collect([str(archive)])
    name = b"b/image1.png"
    start = data.index(name) + len(name) + 20
    archive.write_bytes(data[:start] + b"\xff" * 40 + data[start + 40 :])
    with pytest.raises(InputError, match=r"icons\.zip::b/image1\.png: damaged"):
        collect([str(archive)])[1].image()
    monkeypatch.setattr("aecli.datasets.archive.LARGEST_MEMBER", 1000)
    with pytest.raises(InputError, match=r"more than 0 MiB unpacked"):
        collect([str(archive)])[0].image()


def test_what_holds_no_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "no picture")
    with pytest.raises(InputError, match=r"empty\.zip: there are no images in it"):
        collect([str(path)])
    with pytest.raises(UsageError, match="no images in"):
        collect([str(tmp_path)])
    with pytest.raises(UsageError, match="no file or folder"):
        collect([str(tmp_path / "gone")], training=True)


PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "array",
    [PIXELS, PIXELS[..., 0], PIXELS[..., :1], PIXELS / 255, PIXELS.astype(np.float16) / 255],
    ids=["colour", "grey", "one-channel", "floats", "half"],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_arrays_are_pictures(tmp_path: Path, array: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"faces.{suffix}"
    if suffix == "npy":
        np.save(path, array)
        np.save(tmp_path / "faces_labels.npy", np.array(["a", "b", "a", "b"]))
    else:
        np.savez_compressed(path, images=array, labels=np.array([["a"], ["b"], ["a"], ["b"]]))
    found = collect([str(path)])
    assert [item.label for item in found] == ["a", "b", "a", "b"]
    expected = PIXELS[2] if array.ndim == 4 and array.shape[3] == 3 else PIXELS[2, ..., 0]
    assert np.array_equal(found[2].image().pixels, expected)
    assert found[2].path == f"{path}::2"


def test_alpha_in_arrays_is_alpha(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.concatenate([PIXELS, PIXELS[..., :1]], axis=3))
    image = collect([str(tmp_path / "x.npy")])[1].image()
    assert np.array_equal(image.pixels, PIXELS[1])
    assert np.array_equal(image.alpha, PIXELS[1, ..., 0])


def test_of_several_splits_the_one_for_training_counts(tmp_path: Path) -> None:
    x, y = PIXELS[..., 0], np.arange(4)
    np.savez(tmp_path / "mnist.npz", x_test=x[:2], y_test=y[:2], x_train=x, y_train=y)
    assert [item.label for item in collect([str(tmp_path / "mnist.npz")])] == ["0", "1", "2", "3"]
    np.savez(tmp_path / "two.npz", a=x, b=x)
    with pytest.raises(InputError, match="no array of pictures, or several"):
        collect([str(tmp_path / "two.npz")])


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def _claiming(path: Path, shape: str) -> None:
    """An `.npy` whose header tells of far more than there is."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode())


def _hostile(folder: Path, kind: str) -> Path:
    path = folder / "hostile.npy"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "objects":
        np.save(path, np.array([Bomb()] * 3), allow_pickle=True)
    elif kind == "lies":
        _claiming(path, "(1000000, 1000, 1000)")
    elif kind == "words":
        np.save(path, np.array(["a", "b"]))
    elif kind == "channels-first":
        np.save(path, PIXELS.transpose(0, 3, 1, 2))
    elif kind == "empty":
        np.save(path, PIXELS[:0])
    elif kind == "junk":
        path.write_bytes(b"\x93NUMPY\1\0\xff\xffjunk")
    return path


@pytest.mark.parametrize(
    "kind", ["pickle", "objects", "lies", "words", "channels-first", "empty", "junk"]
)
def test_hostile_arrays_are_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    path = _hostile(tmp_path, kind)
    with pytest.raises(AecliError, match=r"hostile\.npy") as caught:
        collect([str(path)])
    assert "\n" not in caught.value.message
    with zipfile.ZipFile(tmp_path / "hostile.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "x.npy")
    with pytest.raises(AecliError, match=r"hostile\.npz"):
        collect([str(tmp_path / "hostile.npz")])


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.datasets.arrays.LARGEST", 1 << 16)
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((100, 28, 28), np.uint8))
    with pytest.raises(InputError, match="larger than is read"):
        collect([str(tmp_path / "bomb.npz")])
    assert limits.LARGEST > 1 << 16


@pytest.mark.parametrize("value", [1.5, -0.2, np.nan])
def test_floats_outside_the_unit_interval_are_no_pictures(tmp_path: Path, value: float) -> None:
    array = np.full((3, 4, 4), value)
    np.save(tmp_path / "x.npy", array)
    item = collect([str(tmp_path / "x.npy")])[0]
    with pytest.raises(InputError, match=r"x\.npy::0: has values outside"):
        item.image()
