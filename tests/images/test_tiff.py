"""TIFF files that could be read wrongly: read rightly, or refused."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from aecli.errors import InputError
from aecli.images.reading import decode, probe
from tests.images.samples import encode, noise

COLOURS = noise(32, 48, 3)


def tiff(samples: np.ndarray = COLOURS, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **({"photometric": "rgb"} | options))
    return file.getvalue()


def changed(data: bytes, tag: int, place: int, value: int) -> bytes:
    """A file with one number of a tag of its first directory changed."""
    out = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as found:
        entry = found.pages.first.tags[tag]
        size = struct.calcsize(entry.dtype_name.lower()[0].replace("l", "I").replace("s", "H"))
        at = entry.valueoffset + place * size
    out[at : at + size] = value.to_bytes(size, "little")
    return bytes(out)


LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 8, "compression": "lzw"},
    "tiles": {"tile": (16, 16), "compression": "zlib"},
    "raw strips": {"rowsperstrip": 8},
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_missing_piece_is_never_black(name: str, planes: bool, dtype: type) -> None:
    samples = noise(32, 48, 3, dtype=dtype)
    stored = np.moveaxis(samples, -1, 0) if planes else samples
    kind = {"planarconfig": "separate" if planes else "contig"}
    data = tiff(np.ascontiguousarray(stored), **LAYOUTS[name], **kind)
    assert np.array_equal(decode(data).pixels, samples)
    tiled = "tile" in LAYOUTS[name]
    for tag, value in ((325 if tiled else 279, 0), (324 if tiled else 273, 0)):
        with pytest.raises(InputError, match="strips or tiles are missing"):
            decode(changed(data, tag, 2, value))
    with pytest.raises(InputError, match="strips or tiles are missing"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("mode", ["1", "CMYK", "P"])
def test_nor_in_the_kinds_that_pillow_reads(mode: str) -> None:
    data = encode(Pillow.fromarray(COLOURS).convert(mode), "TIFF", compression="tiff_lzw")
    assert decode(data).width == 48
    with pytest.raises(InputError, match="strips or tiles are missing"):
        decode(changed(data, 279, 0, 0))


def loop(first: int = 8) -> bytes:
    """A picture whose directory's successor is itself."""
    data = bytearray(tiff())
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    return bytes(data)


def test_directories_that_go_round_are_an_error() -> None:
    for look in (probe, decode):
        with pytest.raises(InputError, match="lead back to where they began"):
            look(loop(), name="x")


def test_many_directories_are_told_at_once() -> None:
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        for _ in range(300):
            writer.write(np.zeros((4, 4), np.uint8), metadata=None)
    with pytest.raises(InputError, match="holds 300 pictures"):
        decode(pages.getvalue())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("label", [None, [0], [2]], ids=["none", "unspecified", "unassociated"])
def test_a_single_extra_sample_is_alpha(dtype: type, channels: int, label: Any) -> None:
    samples = noise(32, 48, channels, dtype=dtype)
    options = {"planarconfig": "contig"} | ({} if label is None else {"extrasamples": label})
    data = tiff(samples, photometric="rgb" if channels == 4 else "minisblack", **options)
    if label is None:
        data = without(data, 338)
    image = decode(data)
    assert probe(data).has_alpha
    assert np.array_equal(image.alpha, samples[..., -1])
    colours = samples[..., :-1]
    assert np.array_equal(image.pixels, colours if channels == 4 else colours[..., 0])


def without(data: bytes, tag: int) -> bytes:
    """A file without a tag of its first directory (in whose place an unknown one stands)."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    out = bytearray(data)
    for place in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", out, place)[0] == tag:
            struct.pack_into("<H", out, place, 65_000)
    return bytes(out)


def test_alpha_is_found_among_several_extra_samples() -> None:
    samples = noise(32, 48, 6)
    image = decode(tiff(samples, extrasamples=[0, 2, 0]))
    assert np.array_equal(image.alpha, samples[..., 4])
    assert np.array_equal(image.pixels, samples[..., :3])
    assert decode(tiff(samples, extrasamples=[0, 0, 0])).alpha is None


def test_associated_alpha_is_undone() -> None:
    samples = np.full((32, 48, 4), 100, np.uint8)
    samples[..., 3] = 200
    image = decode(tiff(samples, extrasamples=[1]))
    assert set(np.unique(image.pixels)) == {128}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (tiff(noise(5, 24, 32), photometric="minisblack", volumetric=True), "a volume"),
        (tiff(noise(24, 32, 20), photometric="minisblack", planarconfig="contig"), "20 samples"),
        (tiff(COLOURS.astype(np.float32)), "floating-point"),
        (tiff(COLOURS.astype(np.int16)), "signed"),
        (tiff(COLOURS.astype(np.uint32)), "32-bit"),
        (tiff(noise(32, 48, dtype=np.uint16) >> 4, photometric="minisblack", bitspersample=12,
              compression="none"), "12-bit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_not_read_is_named(data: bytes, what: str) -> None:
    with pytest.raises(InputError, match=f"holds .*{what}"):
        decode(data)


def test_the_limit_counts_what_is_decoded() -> None:
    data = tiff(np.zeros((16, 16), np.uint8), photometric="minisblack", tile=(16, 16))
    for tag in (322, 323):
        data = changed(data, tag, 0, 32_000)
    with pytest.raises(InputError, match="far larger than its picture"):
        decode(data)
