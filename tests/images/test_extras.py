"""HEIC, JPEG XL and cameras' RAW files: real ones of their kind, made here."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from aecli import extras
from aecli.errors import InputError, UsageError
from aecli.images import formats, isobmff, jxl_header, writing
from aecli.images.image import Image, Metadata
from aecli.images.reading import decode, probe
from tests.images.raws import dng
from tests.images.samples import SRGB, encode, exif, noise

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
ALL = Metadata(icc=SRGB, exif=exif(1), xmp=XMP, dpi=(300.0, 150.0))
EXIFTOOL = shutil.which("exiftool")


def photo(width: int = 101, height: int = 66) -> np.ndarray:
    small = Pillow.fromarray(noise(5, 7, 3))
    return np.asarray(small.resize((width, height), Pillow.Resampling.BICUBIC))


COLOUR = photo()
GREY = COLOUR[..., 0].copy()
DEEP = COLOUR.astype(np.uint16) * 257
KINDS = {
    "colour": (COLOUR, None),
    "alpha": (COLOUR, GREY),
    "grey": (GREY, None),
    "deep": (DEEP, None),
    "deep alpha": (DEEP, GREY.astype(np.uint16) * 257),
    "deep grey": (GREY.astype(np.uint16) * 257, None),
}


def written(image: Image, form: str, **options) -> tuple[bytes, list[str]]:
    file = io.BytesIO()
    warnings = writing.write(image, file, form, **options)
    return file.getvalue(), warnings


def far(a: Image, b: Image) -> float:
    """Largest difference, of 255 levels."""
    assert a.pixels.dtype == b.pixels.dtype
    return float(np.abs(a.pixels.astype(float) - b.pixels).max()) / a.peak * 255


@pytest.mark.parametrize("form", ["HEIC", "JXL"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_again(form: str, kind: str) -> None:
    image = Image(*KINDS[kind], ALL)
    for quality, most in ((None, 10 if form == "HEIC" else 45), (100, 0.13)):
        data, _ = written(image, form, quality=quality)
        again = decode(data)
        assert again.format == form
        assert far(image, again) <= (0 if form == "JXL" and quality else most)
        assert (again.alpha is None) == (image.alpha is None)
        assert again.metadata.dpi == (300, 150)
        assert again.metadata.exif is not None
        assert again.metadata.xmp == XMP
        assert again.metadata.icc == (SRGB if form == "HEIC" else None)
        assert again.metadata.colour == {}
        header = probe(data)
        assert (header.width, header.height, header.frames) == (101, 66, 1)
        assert (header.channels == 1, header.has_alpha) == (image.grey, image.alpha is not None)
        assert header.bits == image.pixels.itemsize * 8


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("form", ["HEIC", "JXL"])
@pytest.mark.parametrize("kind", ["colour", "deep"])
def test_exiftool_finds_everything(form: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"seen{formats.suffix_of(form)}"
    path.write_bytes(written(Image(*KINDS[kind], ALL), form)[0])
    seen = subprocess.run([EXIFTOOL, "-json", "-n", path], capture_output=True, check=True).stdout
    [found] = json.loads(seen)
    assert "Warning" not in found
    assert found["ImageHeight"] == 66
    assert (found["Make"], found["ExposureTime"]) == ("Canon", 0.004)
    assert (found["XResolution"], found["YResolution"]) == (300, 150)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic_is_turned_once(orientation: int, monkeypatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    picture = Pillow.open(io.BytesIO(encode(COLOUR[:, :100], "PNG", exif=exif(orientation))))
    for known in ("OPEN", "SAVE", "SAVE_ALL", "EXTENSION", "MIME"):
        monkeypatch.setattr(Pillow, known, dict(getattr(Pillow, known)))
    monkeypatch.setattr(Pillow, "ID", list(Pillow.ID))
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    picture.save(file, "HEIF", quality=-1, chroma=444)
    expected = np.asarray(ImageOps.exif_transpose(picture))
    image = decode(file.getvalue())
    assert image.pixels.shape == expected.shape
    assert np.abs(image.pixels.astype(int) - expected).max() < 4
    block = Pillow.Exif()
    block.load(image.metadata.exif)
    assert block[0x0112] == 1


def test_heic_of_10_bits_and_another_gamut_says_so() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    deep = pillow_heif.from_bytes("RGB;16", (101, 66), DEEP.tobytes())
    profile = {"color_primaries": 12, "transfer_characteristics": 13}
    profile |= {"matrix_coefficients": 6, "full_range_flag": 1}
    deep[0].info["nclx_profile"] = profile
    deep.save(file, quality=-1, chroma=444)
    image = decode(file.getvalue())
    assert image.pixels.dtype == np.uint16
    assert image.metadata.depth == 10
    assert image.metadata.colour == {b"cICP": bytes((12, 13, 0, 1))}
    data, warnings = written(image, "PNG")
    assert warnings == []
    assert decode(data).metadata.colour == image.metadata.colour


def test_heic_stays_lossless() -> None:
    pytest.importorskip("pillow_heif")
    exact = decode(written(Image(COLOUR), "HEIC", quality=100)[0])
    assert exact.metadata.lossless
    assert far(decode(written(exact, "HEIC")[0]), exact) == 0
    lossy = decode(written(exact, "HEIC", quality=90)[0])
    assert not lossy.metadata.lossless
    assert not decode(written(lossy, "HEIC")[0]).metadata.lossless


def test_jpeg_xl_is_exact_where_its_input_was() -> None:
    image = Image(COLOUR)
    exact = decode(written(replace(image, format="PNG"), "JXL")[0])
    assert exact.metadata.lossless
    assert far(exact, image) == 0
    lossy = decode(written(replace(image, format="JPEG"), "JXL")[0])
    assert not lossy.metadata.lossless
    assert decode(written(exact, "JXL")[0]).metadata.lossless
    assert decode(written(exact, "JXL", strip=True)[0]).metadata.lossless
    assert not decode(written(exact, "JXL", quality=90)[0]).metadata.lossless
    assert not decode(written(lossy, "JXL")[0]).metadata.lossless


def test_a_jpeg_inside_jpeg_xl_is_read() -> None:
    jpeg = encode(COLOUR, "JPEG", quality=95, exif=exif(6))
    image = decode(bytes(imagecodecs.jpegxl_encode_jpeg(jpeg)))
    assert far(image, decode(jpeg)) < 5
    assert image.pixels.shape == (101, 66, 3)
    assert not image.metadata.lossless


def test_packed_metadata_of_jpeg_xl_are_read_and_bombs_are_not() -> None:
    plain, _ = written(Image(COLOUR, None, ALL), "JXL")

    def packed(content: bytes) -> bytes:
        inner = b"Exif" + imagecodecs.brotli_encode(content)
        parts = [(box.kind, plain[box.start : box.end]) for box in isobmff.boxes(plain)]
        parts = [(b"brob", inner) if kind == b"Exif" else (kind, part) for kind, part in parts]
        return b"".join(isobmff.boxed(kind, part) for kind, part in parts)

    [block] = [plain[box.start : box.end] for box in isobmff.boxes(plain) if box.kind == b"Exif"]
    assert decode(packed(block)).metadata.exif == decode(plain).metadata.exif
    assert decode(packed(bytes(20 << 20))).metadata.exif is None


@pytest.mark.parametrize(
    "size", [(1, 1), (256, 512), (513, 8), (100, 125), (4000, 5), (160, 90), (64, 48)]
)
def test_the_header_of_jpeg_xl_tells_the_size(size: tuple[int, int]) -> None:
    data = bytes(imagecodecs.jpegxl_encode(np.zeros((size[1], size[0]), np.uint8), lossless=True))
    said = jxl_header.read(data)
    assert ((said.width, said.height), said.grey, said.approximate) == (size, True, False)
    for length in range(2, 5):
        with pytest.raises(ValueError, match="cut off"):
            jxl_header.read(data[:length])


def test_jpeg_xl_of_other_depths() -> None:
    levels = (np.arange(48 * 64) % 1024).astype(np.uint16).reshape(48, 64)
    data = bytes(imagecodecs.jpegxl_encode(levels, lossless=True, bitspersample=10))
    image = decode(data)
    assert image.metadata.depth == 10
    assert np.abs(image.pixels - levels * (65535 / 1023)).max() <= 0.5
    with pytest.raises(InputError, match="floating-point"):
        decode(bytes(imagecodecs.jpegxl_encode(levels.astype(np.float32) / 1023, lossless=True)))
    frames = np.zeros((3, 48, 64, 3), np.uint8)
    with pytest.raises(InputError, match="an animation"):
        decode(bytes(imagecodecs.jpegxl_encode(frames, photometric="rgb")))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_raw_file_is_developed_plainly(orientation: int) -> None:
    colours = [(200, 100, 50), (128, 128, 128), (30, 160, 220)]
    picture = np.repeat(np.array(colours, np.uint8), 32, axis=0)[None].repeat(64, axis=0)
    image = decode(dng(picture, orientation), name="DSC_1.dng")
    assert image.format == "RAW"
    assert image.pixels.dtype == np.uint16
    upright = np.rot90(picture, -1) if orientation == 6 else picture
    assert image.pixels.shape == upright.shape
    for at in (16, 48, 80):
        place = (at, 32) if orientation == 6 else (32, at)
        assert np.abs(image.pixels[place] / 257 - upright[place]).max() < 1
    data, warnings = written(image, "TIFF")
    assert warnings == []
    block = Pillow.open(io.BytesIO(data)).getexif()
    assert (block[271], block[272], block[274]) == ("Toy", "Camera", 1)
    assert 50706 not in block  # or it would be a DNG


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.heic", written(Image(COLOUR), "HEIC")[0]),
        ("x.jxl", written(Image(COLOUR), "JXL", quality=90)[0]),
        ("x.dng", dng(COLOUR[:64, :96])),
    ],
)
def test_damage_is_told(name: str, data: bytes) -> None:
    for part in (0.1, 0.5, 0.9):
        with pytest.raises(InputError, match=rf"^{name}: [^\n]+$"):
            decode(data[: int(len(data) * part)], name=name)


@pytest.mark.parametrize(
    ("name", "data", "message", "cure"),
    [
        ("a.jpg", written(Image(COLOUR), "HEIC")[0], "is HEIC, which needs pillow-heif", "heif"),
        ("DSC_1.NEF", encode(COLOUR, "TIFF"), "RAW file, which needs rawpy", "raw"),
        ("-", b"FUJIFILMCCD-RAW " + bytes(90), "RAW file, which needs rawpy", "raw"),
    ],
)
def test_without_the_extra_it_is_named(name, data, message, cure, monkeypatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    for look in (probe, decode):
        with pytest.raises(InputError, match=message) as caught:
            look(data, name=name)
        assert f"pip install 'aecli[{cure}]'" in caught.value.hint
        assert "convert it first" in caught.value.hint
    with pytest.raises(UsageError, match="HEIC needs pillow-heif"):
        written(Image(COLOUR), "HEIC")
