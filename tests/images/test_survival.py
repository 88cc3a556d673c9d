"""What a picture has besides its colours survives: read back with another program's eyes.

exiftool where it is installed, else Pillow and tifffile.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from aecli.images import colour, iptc, png
from aecli.images.image import Image, Metadata
from aecli.images.reading import decode
from aecli.images.writing import write
from tests.images.samples import SRGB, encode, exif, noise
from tests.images.samples import png as png_of

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
IPTC = b"\x1c\x02\x19\x00\x07keyword\x1c\x02\x78\x00\x09A caption"
COLOURS = noise(16, 24, 3)
EXIFTOOL = shutil.which("exiftool")


def again(data: bytes, form: str, **options: Any) -> tuple[bytes, list[str]]:
    """A file read and written, as the program does."""
    file = io.BytesIO()
    warnings = write(decode(data, name="x"), file, form, **options)
    return file.getvalue(), warnings


def tiff(samples: np.ndarray = COLOURS, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **({"photometric": "rgb"} | options))
    return file.getvalue()


def seen(data: bytes, tmp_path: Path, suffix: str) -> dict[str, Any]:
    """What exiftool says of a file."""
    path = tmp_path / f"seen{suffix}"
    path.write_bytes(data)
    command = [EXIFTOOL, "-json", "-G1", "-n", "-charset", "iptc=utf8", path]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "deep AVIF", "deep PNG"])
def test_exiftool_finds_everything(form: str, tmp_path: Path) -> None:
    data = Metadata(icc=SRGB, exif=exif(1), xmp=XMP, dpi=(300.0, 150.0), iptc=IPTC)
    samples = COLOURS.astype(np.uint16) * 257 if form.startswith("deep") else COLOURS
    file = io.BytesIO()
    name = form.removeprefix("deep ")
    warnings = write(Image(samples, None, data), file, name)
    found = seen(file.getvalue(), tmp_path, f".{name.lower()}")
    values = {key.split(":")[-1]: value for key, value in found.items()}
    assert "Warning" not in values
    assert values["Make"] == "Canon"
    assert values["ExposureTime"] == 0.004
    assert values["ProfileDescription"] == "sRGB built-in"
    if form.endswith("PNG"):
        metre = values["PixelsPerUnitX"], values["PixelsPerUnitY"], values["PixelUnits"]
        assert metre == (11811, 5906, 1)
    else:
        assert (values["XResolution"], values["YResolution"]) == (300, 150)
    if name in ("WEBP", "AVIF"):
        assert any("IPTC dropped" in warning for warning in warnings)
    else:
        assert (values["Keywords"], values["Caption-Abstract"]) == ("keyword", "A caption")
    assert decode(file.getvalue()).metadata.xmp == XMP


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG"])
def test_iptc_records_go_from_format_to_format(form: str) -> None:
    source = encode(COLOURS, "JPEG", extra=iptc.segment(IPTC))
    data, warnings = again(source, form)
    assert warnings == []
    assert decode(data).metadata.iptc == IPTC
    assert decode(again(data, "JPEG")[0]).metadata.iptc == IPTC
    assert decode(again(data, form, strip=True)[0]).metadata.iptc is None


def test_photoshop_blocks_of_tiff_files_hold_iptc_records() -> None:
    block = b"8BIM\x03\xed\0\0\0\0\0\2xy" + iptc.segment(IPTC)[4 + 14 :]
    data = tiff(extratags=[(34377, 1, len(block), block, True)])
    assert decode(data).metadata.iptc == IPTC


@pytest.mark.parametrize("said", [b"hello", "Zoë 写真".encode(), b"\xff\xfe odd"])
def test_comments_survive(said: bytes) -> None:
    source = encode(COLOURS, "JPEG", comment=said)
    assert Pillow.open(io.BytesIO(again(source, "JPEG")[0])).info["comment"] == said
    png_text = Pillow.open(io.BytesIO(again(source, "PNG")[0])).text["Comment"]
    assert png_text == said.decode("utf-8", "replace")
    assert any("text dropped" in warning for warning in again(source, "WEBP")[1])
    assert "comment" not in Pillow.open(io.BytesIO(again(source, "JPEG", strip=True)[0])).info


CHUNKS = {
    "linear": {b"gAMA": struct.pack(">I", 100_000)},
    "old": {
        b"gAMA": struct.pack(">I", 55_556),
        b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000),
    },
    "P3": {b"cICP": colour.cicp(12, 13)},
    "sRGB": {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 45_455)},
}


def coloured(chunks: dict[bytes, bytes], bits: int = 8) -> bytes:
    before = b"".join(png.chunk(kind, content) for kind, content in chunks.items())
    samples = COLOURS.astype(np.uint16) * 257 if bits == 16 else COLOURS
    return png_of(samples, bits, 2, before)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", CHUNKS)
def test_colour_chunks_survive(name: str, bits: int) -> None:
    data, warnings = again(coloured(CHUNKS[name], bits), "PNG")
    assert warnings == []
    assert all(png.chunk(kind, content) in data for kind, content in CHUNKS[name].items())
    assert decode(data).metadata.colour == CHUNKS[name]


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("name", CHUNKS)
def test_colour_chunks_become_a_profile_elsewhere(name: str, form: str) -> None:
    from PIL import ImageCms

    data, warnings = again(coloured(CHUNKS[name]), form)
    assert warnings == []
    icc = decode(data).metadata.icc
    if name == "sRGB":
        assert icc is None
        return
    assert icc is not None
    profile = ImageCms.getOpenProfile(io.BytesIO(icc))
    middle = Pillow.new("RGB", (1, 1), (128, 128, 128))
    srgb = ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(middle, profile, srgb).getpixel((0, 0))
    expected = {"linear": 188, "old": 145, "P3": 128}[name]
    assert all(abs(level - expected) <= 2 for level in shown)
    red = ImageCms.profileToProfile(Pillow.new("RGB", (1, 1), (200, 50, 50)), profile, srgb)
    assert (red.getpixel((0, 0))[0] > 205) == (name in ("linear", "P3", "old"))


def test_grey_colour_chunks_become_a_grey_profile() -> None:
    chunk = png.chunk(b"gAMA", struct.pack(">I", 100_000))
    data, _ = again(png_of(COLOURS[..., 0], 8, 0, chunk), "JPEG")
    assert decode(data).metadata.icc[16:20] == b"GRAY"


@pytest.mark.parametrize("transfer", [16, 18])
def test_pictures_of_high_dynamic_range_are_warned_of(transfer: int) -> None:
    source = coloured({b"cICP": colour.cicp(9, transfer)}, 16)
    for form in ("PNG", "TIFF"):
        assert any("high dynamic range" in warning for warning in again(source, form)[1])


def test_a_profile_that_does_not_fit_is_dropped() -> None:
    grey = bytearray(SRGB)
    grey[16:20] = b"GRAY"
    source = encode(Pillow.fromarray(COLOURS[..., 0]).convert("LA"), "PNG", icc_profile=bytes(grey))
    data, warnings = again(source, "JPEG", background="red")
    assert decode(data).metadata.icc is None
    assert any("ICC profile dropped" in warning for warning in warnings)
    assert decode(again(source, "JPEG", background="black")[0]).metadata.icc == bytes(grey)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "CMYK", "P"])
def test_no_resolution_stays_none(mode: str) -> None:
    picture = Pillow.fromarray(COLOURS).convert(mode)
    for form in ("TIFF", "JPEG") if mode in ("RGB", "L") else ("TIFF",):
        data, _ = again(encode(picture, form), "TIFF")
        with tifffile.TiffFile(io.BytesIO(data)) as found:
            assert not {282, 283, 296} & {tag.code for tag in found.pages.first.tags}
        assert decode(data).metadata.dpi is None


def test_a_resolution_without_a_unit_stays_a_ratio() -> None:
    source = tiff(resolution=(2, 1), resolutionunit="NONE")
    for form in ("TIFF", "PNG", "JPEG"):
        data, _ = again(source, form)
        assert (decode(data).metadata.dpi, decode(data).metadata.aspect) == (None, (2.0, 1.0))
        assert decode(again(data, "TIFF")[0]).metadata.aspect == (2.0, 1.0)


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_the_resolution_turns_with_the_picture(form: str) -> None:
    block = exif(6)
    source = encode(COLOURS, "JPEG", dpi=(204, 98), exif=block)
    if form == "TIFF":
        source = tiff(resolution=(204, 98), extratags=[(274, 3, 1, 6, True)])
    data, _ = again(source, form)
    assert decode(data).pixels.shape == (24, 16, 3)
    dpi = decode(data).metadata.dpi
    assert dpi is not None
    assert np.allclose(dpi, (98, 204), atol=0.1)


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_stays_lossless(lossless: bool) -> None:
    source = encode(COLOURS, "WEBP", lossless=lossless, exif=exif(1))
    before = decode(source)
    assert before.metadata.lossless is lossless
    after = decode(again(source, "WEBP")[0])
    assert np.array_equal(before.pixels, after.pixels) is lossless
    assert not np.array_equal(decode(again(source, "WEBP", quality=80)[0]).pixels, before.pixels)


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("depth", [8, 10])
def test_avif_stays_lossless(depth: int, samples: int) -> None:
    dtype = np.uint8 if depth == 8 else np.uint16
    pixels = (noise(24, 20, samples, dtype=np.uint16) >> (16 - depth)).astype(dtype)
    source = bytes(imagecodecs.avif_encode(pixels, level=100, bitspersample=depth))
    before = decode(source)
    assert before.metadata.lossless
    after = decode(again(source, "AVIF")[0])
    assert after.metadata.lossless
    assert np.array_equal(before.pixels, after.pixels)
    assert not decode(again(source, "AVIF", quality=90)[0]).metadata.lossless
    lossy = bytes(imagecodecs.avif_encode(pixels, level=90, bitspersample=depth))
    assert not decode(lossy).metadata.lossless
    assert np.array_equal(decode(again(lossy, "AVIF", quality=100)[0]).pixels, decode(lossy).pixels)


@pytest.mark.parametrize("depth", [10, 12])
def test_deep_avif_stays_deep(depth: int) -> None:
    line = np.linspace(0, 2**depth - 1, 500).astype(np.uint16)
    ramp = np.broadcast_to(line[None, :, None], (8, 500, 3)).copy()
    source = bytes(imagecodecs.avif_encode(ramp, level=100, bitspersample=depth))
    assert len(np.unique(decode(source).pixels)) > 400
    for form in ("PNG", "TIFF", "AVIF"):
        data, warnings = again(source, form, quality=100)
        assert warnings == []
        assert len(np.unique(decode(data).pixels)) > 400
    assert len(np.unique(decode(again(source, "WEBP")[0]).pixels)) <= 256


def jpeg_with(xmp: str) -> bytes:
    return encode(COLOURS, "JPEG", xmp=xmp.encode())


MOTION = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf=
"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:dc="http://purl.org/dc/elements/1.1/"
xmlns:Container="http://ns.google.com/photos/1.0/container/" dc:format="kept"
xmlns:Item="http://ns.google.com/photos/1.0/container/item/" GCamera:MotionPhoto="1">
<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item
Item:Semantic="MotionPhoto" Item:Length="1008"/></rdf:li></rdf:Seq></Container:Directory>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
GAIN = MOTION.replace("photos/1.0/camera/", "x/").replace(
    "GCamera:MotionPhoto", 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version'
)


@pytest.mark.parametrize(("xmp", "what"), [(MOTION, "video"), (GAIN, "gain map")])
def test_xmp_promises_nothing_that_is_gone(xmp: str, what: str) -> None:
    data, warnings = again(jpeg_with(xmp), "JPEG")
    assert warnings == [f"the {what} beside the photo is left out"]
    packet = decode(data).metadata.xmp
    assert b'dc:format="kept"' in packet
    for gone in (b"Motion", b"hdrgm", b"Container", b"Item", b"1008"):
        assert gone not in packet
    assert again(data, "JPEG")[1] == []


MP4 = b"\0\0\0\x18ftypmp42" + bytes(40)
PREVIEW, UNTOLD = 0x010001, 0


def multi_picture(kind: int) -> bytes:
    """A JPEG with a second one behind, of this kind in its list."""
    second = Pillow.fromarray(COLOURS[::-1].copy())
    data = bytearray(encode(COLOURS, "MPO", save_all=True, append_images=[second]))
    index = data.index(b"MPF\0") + 4
    entries = data.index(struct.pack("<HHL", 0xB002, 7, 32), index)
    at = index + struct.unpack_from("<L", data, entries + 8)[0]
    data[at + 16 : at + 20] = struct.pack("<L", kind)
    return bytes(data)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (encode(COLOURS, "JPEG") + MP4, "video"),
        (encode(COLOURS, "JPEG") + bytes(99) + MP4, "video"),
        (encode(COLOURS, "JPEG") + b"\0\0\x30\x0aMotionPhoto_Data" + MP4 + b"SEFT", "video"),
        (encode(COLOURS, "JPEG") + encode(COLOURS, "JPEG"), "second image"),
        (multi_picture(UNTOLD), "second image"),
        (multi_picture(PREVIEW), ""),
        (encode(COLOURS, "JPEG") + bytes(999), ""),
    ],
)
def test_what_lies_behind_a_jpeg_is_told_of(source: bytes, what: str) -> None:
    data, warnings = again(source, "JPEG")
    assert warnings == ([f"the {what} beside the photo is left out"] if what else [])
    assert again(data, "JPEG")[1] == []


def test_damaged_xmp_with_promises_is_dropped_and_told_of() -> None:
    for broken in (MOTION[:-20], "<!DOCTYPE x>" + MOTION):
        data, warnings = again(jpeg_with(broken), "JPEG")
        assert warnings == ["XMP dropped: it is damaged"]
        assert decode(data).metadata.xmp is None
