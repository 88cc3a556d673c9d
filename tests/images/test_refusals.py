"""Files that are no picture, or not one that aecli reads."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from aecli.errors import InputError, Reason
from aecli.images.reading import decode, probe
from tests.images.samples import chunk, encode, noise

GOOD = {
    "JPEG": encode(noise(40, 40, 3), "JPEG"),
    "PNG": encode(noise(40, 40, 3), "PNG"),
    "PNG16": imagecodecs.png_encode(noise(40, 40, 3, dtype=np.uint16)),
    "WEBP": encode(noise(40, 40, 3), "WEBP"),
    "TIFF": encode(noise(40, 40, 3), "TIFF", compression="tiff_lzw"),
    "TIFF-raw": encode(noise(40, 40, 3), "TIFF"),
    "TIFF-palette": encode(Image.fromarray(noise(40, 40, 3)).quantize(99), "TIFF"),
    "BMP": encode(noise(40, 40, 3), "BMP"),
    "GIF": encode(noise(40, 40), "GIF"),
    "AVIF": encode(noise(40, 40, 3), "AVIF"),
    "PPM": encode(noise(40, 40, 3), "PPM"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", GOOD)
@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused_by_name(form: str, part: float) -> None:
    data = GOOD[form]
    with pytest.raises(InputError, match=r"^some\.pic: [^\n]+$"):
        decode(data[: int(len(data) * part)], name="some.pic")


@pytest.mark.parametrize("form", ["PNG", "PNG16"])
def test_a_wrong_checksum_is_refused(form: str) -> None:
    data = bytearray(GOOD[form])
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(InputError, match="damaged or truncated"):
        decode(bytes(data))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("form", GOOD)
def test_random_damage_never_raises_anything_but_an_input_error(form: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(150):
        data = bytearray(GOOD[form])
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(0, min(len(data), 400))] = rng.integers(0, 256)
        try:
            decode(bytes(data), max_pixels=1_000_000)
        except InputError as error:
            assert "\n" not in error.message


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "a.png", "is empty"),
        (b"hello, world\n" * 9, "a.png", "is no image"),
        (b"Python is nice", "a.ppm", "is no image"),
        (bytes(100), "a.jpg", "is no image"),
        (b"\0\0\0\x18ftypheic" + bytes(90), "a.jpg", "damaged"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(90), "a", "damaged"),
        (bytes(100), "x.psd", "is a Photoshop document"),
        (bytes(imagecodecs.jpeg2k_encode(noise(16, 16, 3))), "a.jpg", "is JPEG 2000"),
        (b"II\xbc\x01" + bytes(90), "a.tif", "is JPEG XR"),
        (b"PF\n4 4\n-1.0\n" + bytes(192), "a", "is a PFM picture"),
        (b"P7\nWIDTH 4\nENDHDR\n" + bytes(64), "a.ppm", "is a PAM picture"),
        (b'<?xml version="1.0"?>\n<svg width="9"/>', "a.png", "is a vector drawing"),
        (b"\n<!DOCTYPE html><p>404 not found", "a.jpg", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a.png", "is a pointer of Git LFS"),
        (b"%PDF-1.7" + bytes(90), "-", "is a PDF"),
        (b"FUJIFILMCCD-RAW " + bytes(90), "-", "RAW"),
        (GOOD["TIFF"], "DSC_1.NEF", "RAW"),
        (bytes(100), "x.heic", "is no image"),
    ],
)
def test_what_is_no_image_is_refused_by_name(data: bytes, name: str, message: str) -> None:
    for look in (probe, decode):
        with pytest.raises(InputError, match=message) as caught:
            look(data, name=name)
        assert caught.value.message.startswith(f"{name}: ")


def test_a_name_that_its_content_does_not_bear_out_is_told_of() -> None:
    with pytest.raises(InputError) as caught:
        decode(bytes(100), name="a.jxl")
    assert caught.value.hint == "its name says .jxl, its content does not"
    with pytest.raises(InputError) as caught:
        decode(bytes(100), name="a.txt")
    assert "it reads PNG, JPEG" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["photo.heic", "photo.jpg", "photo", "photo.dng"])
def test_the_content_counts_and_not_the_name(name: str) -> None:
    assert decode(GOOD["PNG"], name=name).format == "PNG"


def test_a_dng_is_raw_whatever_its_name() -> None:
    file = io.BytesIO()
    tifffile.imwrite(
        file, noise(8, 8, 3), photometric="rgb", extratags=[(50706, 1, 4, b"\1\4\0\0")]
    )
    with pytest.raises(InputError, match="RAW"):
        decode(file.getvalue())


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_several_pictures_in_one_file_are_refused(form: str) -> None:
    first, *rest = (Image.fromarray(noise(8, 8, 3, seed=s)) for s in range(3))
    data = encode(first, form, save_all=True, append_images=rest)
    assert probe(data).frames == 3
    with pytest.raises(InputError, match="holds 3 pictures"):
        decode(data)


def test_the_reduced_copy_in_a_tiff_is_no_second_picture() -> None:
    for dtype in (np.uint8, np.uint16):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            writer.write(noise(8, 8, 3, dtype=dtype), photometric="rgb")
            writer.write(noise(4, 4, 3, dtype=dtype), photometric="rgb", subfiletype=1)
        assert decode(file.getvalue()).width == 8


def test_of_a_multi_picture_jpeg_only_stereo_counts() -> None:
    first, second = (Image.fromarray(noise(16, 16, 3, seed=s)) for s in range(2))
    data = encode(first, "MPO", save_all=True, append_images=[second])
    assert probe(data).frames == 1  # Pillow marks the second as undefined, as gain maps are
    image = decode(data)
    assert image.format == "JPEG"
    index = data.index(b"MPF\0") + 4
    entries = data.index(struct.pack("<HHL", 0xB002, 7, 32), index)
    at = index + struct.unpack_from("<L", data, entries + 8)[0]
    stereo = bytearray(data)
    stereo[at + 16 : at + 20] = struct.pack("<L", 0x020002)
    with pytest.raises(InputError, match="holds 2 pictures"):
        decode(bytes(stereo))


def test_sound_pixels_that_no_library_reads_are_not_called_damaged() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, noise(8, 8, 5), photometric="separated", extrasamples=["unassalpha"])
    with pytest.raises(InputError, match=r"holds pixels of 5 samples of 8 bits, .* SEPARATED"):
        decode(file.getvalue())


@pytest.mark.parametrize(("marker", "kind"), [(0xCB, "lossless"), (0xC5, "hierarchical")])
def test_kinds_of_jpeg_are_named(marker: int, kind: str) -> None:
    data = GOOD["JPEG"].replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    with pytest.raises(InputError, match=f"holds a {kind} JPEG picture"):
        decode(data)


@pytest.mark.parametrize(
    ("form", "at"),
    [("PNG", 16), ("JPEG", GOOD["JPEG"].index(b"\xff\xc0") + 7), ("BMP", 18)],
)
def test_a_picture_without_pixels_is_refused_in_plain_words(form: str, at: int) -> None:
    data = bytearray(GOOD[form])
    data[at : at + 4 if form != "JPEG" else at + 2] = bytes(4 if form != "JPEG" else 2)
    if form == "PNG":
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(InputError, match=r"damaged or truncated \(its header makes no sense\)"):
        decode(bytes(data))


def test_where_a_library_merely_stumbles_its_words_are_not_repeated() -> None:
    data = GOOD["TIFF-raw"]
    at = data.index(struct.pack("<HHI", 277, 3, 1))
    none = data[: at + 8] + bytes(2) + data[at + 10 :]  # samples a pixel
    with pytest.raises(InputError, match=r"damaged or truncated$"):
        decode(none)


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint32"])
def test_tiff_pixels_of_other_kinds_are_refused(dtype: str) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((4, 4), dtype))
    with pytest.raises(InputError, match="pixels, which aecli does not read"):
        decode(file.getvalue(), name="x.tif")


def test_sixteen_bit_cmyk_is_refused() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, noise(4, 4, 4, dtype=np.uint16), photometric="separated")
    with pytest.raises(InputError, match="SEPARATED"):
        decode(file.getvalue())


def test_a_header_that_promises_too_much_is_refused_before_decoding() -> None:
    ihdr = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    for look in (probe, decode):
        with pytest.raises(InputError, match="more than 500,000,000 pixels") as caught:
            look(bomb)
        assert caught.value.reason is Reason.TOO_MANY_PIXELS
    with pytest.raises(InputError, match="40x40 is more than 1,599 pixels"):
        decode(GOOD["PNG"], max_pixels=1599)
    assert decode(GOOD["PNG"], max_pixels=1600).width == 40


def test_pillows_own_limit_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for form, data in GOOD.items():
        assert decode(data).width == 40, form
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"1600 pixels|40x40"):
        decode(GOOD["WEBP"], max_pixels=200)


def test_what_the_system_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png: No such file"):
        decode(tmp_path / "none.png")
    with pytest.raises(InputError, match="Is a directory"):
        decode(tmp_path)
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(InputError, match="symbolic links"):
        decode(loop)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda p: imagecodecs.jpegls_encode(p), "a JPEG-LS picture"),
        (
            lambda p: encode(p, "JPEG").replace(b"\xff\xc0", b"\xff\xc5"),
            "a hierarchical JPEG picture",
        ),
    ],
    ids=["JPEG-LS", "hierarchical"],
)
def test_kinds_of_jpeg_that_are_not_read_are_named(make, what: str) -> None:
    with pytest.raises(InputError, match=f"x.jpg: holds {what}"):
        decode(bytes(make(noise(16, 24, 3))), name="x.jpg")


@pytest.mark.parametrize(
    "head", [b"P6 0 5 255\n", b"P5 5 0 65535\n", b"P6 0 0 1000\n", b"P4 0 9\n"]
)
def test_a_picture_without_pixels_is_damaged(head: bytes) -> None:
    for look in (probe, decode):
        with pytest.raises(InputError, match=r"x\.ppm: damaged or truncated"):
            look(head + bytes(100), name="x.ppm")
