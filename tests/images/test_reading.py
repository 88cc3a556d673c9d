from __future__ import annotations

import io
import os
import struct
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from aecli.errors import InputError
from aecli.images.header import Header
from aecli.images.reading import decode, probe
from tests.images.samples import SRGB, chunk, encode, exif, noise, png

SHAPES = [(9, 11), (9, 11, 2), (9, 11, 3), (9, 11, 4)]


def joined(image) -> np.ndarray:
    return image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_eight_bits_come_as_stored(form: str, shape: tuple[int, ...]) -> None:
    samples = noise(*shape)
    data = encode(samples, form)
    image = decode(data)
    assert np.array_equal(joined(image), samples)
    assert image.format == form
    channels, alpha = (1 if len(shape) == 2 or shape[2] == 2 else 3), image.alpha is not None
    assert probe(data) == Header(11, 9, form, 1, 8, channels, alpha)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sixteen_bits_stay_sixteen_bits_in_png(shape: tuple[int, ...]) -> None:
    samples = noise(*shape, dtype=np.uint16)
    data = imagecodecs.png_encode(samples)
    image = decode(data)
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(joined(image), samples)
    assert probe(data).bits == 16


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sixteen_bits_stay_sixteen_bits_in_tiff(shape, compression, planar) -> None:
    samples = noise(*shape, dtype=np.uint16)
    channels = shape[2] if len(shape) == 3 else 1
    stored = samples if channels == 1 or planar == "contig" else np.moveaxis(samples, -1, 0)
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        stored,
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig=planar if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression=compression,
    )
    image = decode(file.getvalue())
    assert np.array_equal(joined(image), samples)
    assert probe(file.getvalue()) == Header(
        11, 9, "TIFF", 1, 16, 3 if channels > 2 else 1, channels in (2, 4)
    )


def test_a_sixteen_bit_tiff_may_be_white_on_zero_or_premultiplied() -> None:
    grey = noise(5, 7, dtype=np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, grey, photometric="miniswhite")
    assert np.array_equal(decode(file.getvalue()).pixels, 65535 - grey)

    alpha = np.maximum(noise(5, 7, dtype=np.uint16, seed=1), 20000)
    straight = noise(5, 7, 3, dtype=np.uint16, seed=2)
    premultiplied = (straight * (alpha[..., None] / 65535)).round().astype(np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(
        file, np.dstack([premultiplied, alpha]), photometric="rgb", extrasamples=["assocalpha"]
    )
    image = decode(file.getvalue())
    assert np.array_equal(image.alpha, alpha)
    assert np.abs(image.pixels.astype(int) - straight).max() <= 2


@pytest.mark.parametrize(("kind", "channels"), [(b"P5", 1), (b"P6", 3)])
@pytest.mark.parametrize("maximum", [65535, 1023, 300])
def test_netpbm_of_sixteen_bits_is_scaled_to_white(kind, channels, maximum) -> None:
    samples = np.linspace(0, maximum, 4 * 3 * channels).round().astype(">u2")
    image = decode(kind + b" # a comment\n4\n3 %d\n" % maximum + samples.tobytes())
    expected = samples.astype(float).reshape(image.pixels.shape) * 65535 / maximum
    assert np.abs(image.pixels - expected).max() <= 0.5
    assert image.pixels.max() == 65535
    with pytest.raises(InputError, match="truncated"):
        decode(kind + b"\n4 3 %d\n" % maximum + samples.tobytes()[:-1])


@pytest.mark.parametrize(("kind", "channels"), [(b"P2", 1), (b"P3", 3)])
def test_plain_netpbm_of_sixteen_bits_is_read(kind: bytes, channels: int) -> None:
    numbers = list(range(0, 1000, 1000 // (2 * channels)))[: 2 * channels]
    data = kind + b"\n2 1\n1000\n" + " ".join(map(str, numbers)).encode()
    assert decode(data).pixels.ravel().tolist() == [round(n * 65.535) for n in numbers]


def test_one_bit_becomes_grey() -> None:
    bits = noise(6, 16) > 127
    for form in ("PNG", "TIFF", "BMP", "PPM"):
        image = decode(encode(Image.fromarray(bits), form))
        assert np.array_equal(image.pixels, bits * np.uint8(255)), form


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_of_few_bits_is_scaled_to_white(bits: int) -> None:
    image = decode(png(np.array([[0x00], [0xFF]], np.uint8), bits, 0))
    assert image.grey
    assert set(np.unique(image.pixels)) == {0, 255}


def test_a_palette_is_expanded() -> None:
    indexed = Image.fromarray(noise(12, 10, 3)).quantize(7)
    for form in ("PNG", "GIF", "TIFF", "BMP"):
        image = decode(encode(indexed, form))
        assert np.array_equal(image.pixels, np.asarray(indexed.convert("RGB"))), form
        assert image.alpha is None


def test_the_transparency_of_a_palette_becomes_alpha() -> None:
    palette = chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", bytes([0, 100, 255]))
    image = decode(png(np.array([[0, 1, 2, 3]], np.uint8), 8, 3, palette))
    assert image.alpha.tolist() == [[0, 100, 255, 255]]
    assert image.pixels[0, 1].tolist() == [3, 4, 5]


def test_a_transparent_bit_becomes_alpha() -> None:
    image = decode(png(np.array([[0xF0]], np.uint8), 1, 0, chunk(b"tRNS", b"\0\1")))
    assert image.pixels.tolist() == [[255] * 4 + [0] * 4]
    assert image.alpha.tolist() == [[0] * 4 + [255] * 4]


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour_becomes_alpha(bits: int) -> None:
    grey = decode(png(np.array([[5, 6]]), bits, 0, chunk(b"tRNS", struct.pack(">H", 5))))
    colour = png(np.array([[[5, 5, 5], [5, 5, 6]]]), bits, 2, chunk(b"tRNS", b"\0\5" * 3))
    peak = 2**bits - 1
    assert grey.grey
    assert grey.alpha.tolist() == decode(colour).alpha.tolist() == [[0, peak]]
    assert probe(colour).has_alpha


def test_a_transparent_gif_keeps_its_alpha() -> None:
    indexed = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    indexed.putpalette(bytes(range(9)))
    image = decode(encode(indexed, "GIF", transparency=1))
    assert image.alpha.tolist() == [[255, 0, 255]]


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb_and_its_profile_goes(form: str) -> None:
    cmyk = Image.fromarray(noise(8, 8, 4), "CMYK")
    image = decode(encode(cmyk, form, icc_profile=b"no profile"))
    assert image.pixels.shape == (8, 8, 3)
    assert image.metadata.icc is None


def test_cmyk_is_converted_by_its_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def apply(strip, transform):
        return Image.new("RGB", strip.size, (1, 2, 3))

    monkeypatch.setattr("PIL.ImageCms.buildTransform", lambda *a: calls.append(a))
    monkeypatch.setattr("PIL.ImageCms.applyTransform", apply)
    cmyk = Image.fromarray(noise(8, 8, 4), "CMYK")
    image = decode(encode(cmyk, "TIFF", icc_profile=b"a profile"))
    assert (image.pixels == [1, 2, 3]).all()
    assert calls[0][2:] == ("CMYK", "RGB")


def test_lab_becomes_rgb() -> None:
    lab = Image.merge("LAB", [Image.new("L", (4, 4), v) for v in (255, 128, 128)])
    image = decode(encode(lab, "TIFF"))
    assert image.pixels.min() >= 250


@pytest.mark.parametrize("others", [True, False], ids=["camera", "bare"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_orientation_is_applied_and_reset(form: str, orientation: int, others: bool) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode(noise(8, 16, 3), form, exif=exif(orientation, others=others), **options)
    image = decode(data)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(image.pixels, np.asarray(turned.convert("RGB")))
    assert image.pixels.flags.c_contiguous
    block = Image.Exif()
    block.load(image.metadata.exif or b"")
    assert block.get(0x0112, 1) == 1
    assert block.get(0x010F) == ("Canon" if others else None)
    if others:
        assert float(block.get_ifd(0x8769)[0x829A]) == 0.004


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_sixteen_bits_is_applied(orientation: int) -> None:
    samples = noise(5, 7, 4, dtype=np.uint16)
    small = Image.fromarray((np.arange(35).reshape(5, 7)).astype(np.uint8))
    small.info["exif"] = exif(orientation)
    order = np.asarray(ImageOps.exif_transpose(small))
    expected = samples.reshape(35, 4)[order]
    block = exif(orientation)[6:]
    for data in (
        png(samples, 16, 6, before=chunk(b"eXIf", block)),
        png(samples, 16, 6, after=chunk(b"eXIf", block)),
    ):
        assert np.array_equal(joined(decode(data)), expected)
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        samples,
        photometric="rgb",
        extrasamples=["unassalpha"],
        extratags=[(0x0112, 3, 1, orientation, True)],
    )
    assert np.array_equal(joined(decode(file.getvalue())), expected)


def test_a_large_picture_is_converted_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecli.images.unpack._STRIP", 50)
    samples = noise(23, 17, 4)
    assert np.array_equal(joined(decode(encode(samples, "PNG"))), samples)


def test_a_path_and_a_pipe_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "ein Foto ä 写真.png"
    data = encode(noise(40, 40, 3), "PNG")
    path.write_bytes(data)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert np.array_equal(decode(path).pixels, decode(pipe).pixels)
    writer.join()


def test_metadata_are_kept() -> None:
    data = encode(noise(8, 8, 3), "JPEG", icc_profile=SRGB, dpi=(300, 150), xmp=b"<x/>")
    kept = decode(data).metadata
    assert (kept.icc, kept.dpi, kept.xmp) == (SRGB, (300, 150), b"<x/>")


def test_nonsense_metadata_are_left_out() -> None:
    data = png(noise(4, 4), 8, 0, before=chunk(b"eXIf", b"nonsense"), after=b"")
    assert decode(data).metadata.exif is None
    data = png(noise(4, 4), 16, 0, before=chunk(b"eXIf", b"nonsense"))
    assert decode(data).metadata.exif is None


DEEP = noise(6, 8, 3).astype(np.uint16).repeat(8, 0).repeat(8, 1) * 16
GREY = DEEP[..., 0].copy()
FINE = {"bitspersample": 12, "level": 99, "subsampling": "444"}
KINDS_OF_JPEG = {
    "12 bits": (imagecodecs.jpeg_encode(DEEP, **FINE), DEEP, 12, 0.6),
    "12 bits, grey": (imagecodecs.jpeg_encode(GREY, **FINE), GREY, 12, 0.3),
    "lossless": (imagecodecs.ljpeg_encode((GREY >> 4).astype(np.uint8)), GREY, 8, 0),
    "lossless, 12 bits": (imagecodecs.ljpeg_encode(GREY, bitspersample=12), GREY, 12, 0),
}


@pytest.mark.parametrize("kind", KINDS_OF_JPEG)
def test_other_kinds_of_jpeg_keep_their_depth_and_metadata(kind: str) -> None:
    encoded, levels, bits, most = KINDS_OF_JPEG[kind]
    block = b"Exif\0\0" + exif(6).removeprefix(b"Exif\0\0")
    data = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(block) + 2) + block + bytes(encoded)[2:]
    header, image = probe(data), decode(data)
    assert (header.width, header.height, header.bits) == (64, 48, 8 if bits == 8 else 16)
    assert image.format == "JPEG"
    expected = np.rot90(levels / 16 if bits == 8 else levels / 4095 * 65535, -1)
    assert image.pixels.shape == expected.shape
    error = np.abs(image.pixels - expected).mean() / image.peak * 255
    assert error <= max(most, 0.002)
    assert (image.metadata.depth, image.metadata.exif is not None) == (
        bits if bits > 8 else None,
        True,
    )
