from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Pillow

from aecli.errors import InputError, UsageError
from aecli.images.formats import FORMATS
from aecli.images.image import Image, Metadata
from aecli.images.reading import decode
from aecli.images.writing import colour_of, write
from tests.images.samples import (
    EXIF_IFD,
    EXIF_WIDTH,
    EXPOSURE,
    INTEROP_IFD,
    MAKE,
    SRGB,
    exif,
    noise,
)

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\xc3\xa4</x:xmpmeta>'
EVERYTHING = Metadata(
    icc=SRGB,
    exif=exif(1, interop=True),
    xmp=XMP,
    dpi=(300.0, 150.0),
    text={"Author": "Zoë 写真", "Long": "x" * 5000},
)
DEEP = [name for name, f in FORMATS.items() if f.written and f.bits == 16]
ALPHA = [name for name, f in FORMATS.items() if f.alpha]
WRITTEN = [name for name, f in FORMATS.items() if f.written]


class Pipe(io.BytesIO):
    """Standard output: written once from front to back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *args):
        raise OSError("Illegal seek")

    tell = seek


def make(*shape: int, dtype=np.uint8, alpha: bool = False, **metadata) -> Image:
    mask = noise(*shape[:2], dtype=dtype, seed=1) if alpha else None
    return Image(noise(*shape, dtype=dtype), mask, Metadata(**metadata))


def written(image: Image, form: str, **options) -> tuple[bytes, list[str]]:
    file = io.BytesIO()
    warnings = write(image, file, form, **options)
    return file.getvalue(), warnings


def same(a: Image, b: Image) -> bool:
    if (a.alpha is None) != (b.alpha is None) or a.pixels.dtype != b.pixels.dtype:
        return False
    alpha = a.alpha is None or np.array_equal(a.alpha, b.alpha)
    return alpha and np.array_equal(a.pixels, b.pixels)


@st.composite
def images(draw) -> Image:
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    shape = (height, width, 3) if draw(st.booleans()) else (height, width)
    alpha = draw(hnp.arrays(dtype, (height, width))) if draw(st.booleans()) else None
    return Image(draw(hnp.arrays(dtype, shape)), alpha)


@given(image=images(), form=st.sampled_from(["PNG", "TIFF"]))
def test_what_is_written_is_read(image: Image, form: str) -> None:
    data, warnings = written(image, form)
    assert warnings == []
    assert same(decode(data), image)


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 70, 3), (70, 1), (65, 67, 3)], ids=str)
def test_every_format_keeps_size_and_colour_or_grey(form: str, shape: tuple[int, ...]) -> None:
    image = make(*shape)
    back = decode(written(image, form)[0])
    assert back.format == form
    assert back.pixels.shape[:2] == shape[:2]
    if form not in ("WEBP", "AVIF"):
        assert back.grey == image.grey
    if form in ("PNG", "TIFF", "BMP", "PPM"):
        assert same(back, image)


@pytest.mark.parametrize("form", DEEP)
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)], ids=str)
def test_deep_formats_keep_sixteen_bits(form: str, shape: tuple[int, ...]) -> None:
    image = make(*shape, dtype=np.uint16)
    data, warnings = written(image, form)
    assert warnings == []
    assert same(decode(data), image)


@pytest.mark.parametrize("form", sorted(set(WRITTEN) - set(DEEP)))
def test_shallow_formats_say_that_sixteen_bits_become_fewer(form: str) -> None:
    image = make(5, 7, 3, dtype=np.uint16)
    bits = 10 if form in ("AVIF", "HEIC") else 8
    assert any(f"16 bits reduced to {bits}" in w for w in written(image, form)[1])


def test_sixteen_bits_are_rounded() -> None:
    image = Image(np.array([[0, 128, 129, 257, 65535, 65406, 65407]], np.uint16))
    back = decode(written(image, "BMP")[0])
    assert back.pixels.tolist() == [[0, 0, 1, 1, 255, 254, 255]]


@pytest.mark.parametrize("form", ["WEBP", "AVIF"])
def test_lossy_formats_keep_alpha(form: str) -> None:
    image = make(8, 8, 3, alpha=True)
    data, warnings = written(image, form)
    assert warnings == []
    assert decode(data).alpha is not None


def test_webp_of_quality_100_is_lossless() -> None:
    image = make(9, 8, 3, alpha=True)
    assert same(decode(written(image, "WEBP", quality=100)[0]), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("background", "expected"), [("white", 255), ("black", 0), ("#808080", 128)]
)
def test_transparency_is_flattened_on_the_background(dtype, background: str, expected: int) -> None:
    peak = np.iinfo(dtype).max
    alpha = np.array([[0, peak]], dtype)
    for shape in ((1, 2), (1, 2, 3)):
        image = Image(np.full(shape, 10 * (peak // 255), dtype), alpha)
        data, warnings = written(image, "PPM", background=background)
        back = decode(data)
        assert warnings == [f"transparency flattened on {background}: PPM holds none"]
        scale = peak // 255
        assert back.pixels.reshape(2, -1)[:, 0].tolist() == [expected * scale, 10 * scale]
        assert back.grey == image.grey


def test_grey_in_front_of_a_colour_becomes_colour() -> None:
    image = Image(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))
    assert decode(written(image, "BMP", background="red")[0]).pixels.tolist() == [[[255, 0, 0]]]


def test_a_colour_beyond_white_is_white() -> None:
    assert colour_of("rgb(999, 12, 0)") == (255, 12, 0)


def test_a_background_that_is_no_colour_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="blurple"):
        written(make(2, 2, alpha=True), "JPEG", background="blurple")


@pytest.mark.parametrize("form", ["GIF", "RAW", "HEIF", "", "png"])
def test_formats_that_are_not_written_are_usage_errors(form: str) -> None:
    with pytest.raises(UsageError, match=r"not written|no image format"):
        written(make(2, 2), form)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_a_picture_too_large_for_its_format_is_refused(form: str) -> None:
    with pytest.raises(InputError, match="too large"):
        written(Image(np.zeros((1, 70_000), np.uint8)), form)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)], ids=str)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_metadata_survive_beside_any_pixels(form: str, shape, alpha: bool, dtype) -> None:
    image = Image(
        noise(*shape, dtype=dtype), noise(6, 5, dtype=dtype) if alpha else None, EVERYTHING
    )
    back = decode(written(image, form)[0])
    assert same(back, image)
    check(back.metadata, form, width=5)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF"])
def test_metadata_survive_in_lossy_formats(form: str) -> None:
    back = decode(written(Image(noise(6, 5, 3), None, EVERYTHING), form)[0])
    check(back.metadata, form, width=5)


def check(kept: Metadata, form: str, width: int) -> None:
    assert kept.icc == SRGB
    assert kept.xmp == XMP
    if form in ("PNG", "TIFF", "JPEG"):
        assert kept.dpi == pytest.approx((300, 150), rel=1e-3)
    if form == "PNG":
        assert kept.text == EVERYTHING.text
    block = Pillow.Exif()
    block.load(kept.exif or b"")
    assert block[MAKE] == "Canon"
    assert block.get(0x0112, 1) == 1
    assert block.get_ifd(EXIF_IFD)[EXPOSURE] == pytest.approx(0.004)
    assert block.get_ifd(EXIF_IFD)[EXIF_WIDTH] == width
    assert block.get_ifd(INTEROP_IFD) == {1: "R98"}


@pytest.mark.parametrize("form", WRITTEN)
def test_strip_leaves_nothing_but_the_picture(form: str) -> None:
    image = Image(noise(6, 5, 3), None, EVERYTHING)
    data, warnings = written(image, form, strip=True, text={"seed": "7"})
    kept = decode(data).metadata
    assert (kept.icc, kept.exif, kept.xmp) == (None, None, None)
    assert kept.dpi is None
    assert kept.text == ({"seed": "7"} if form == "PNG" else {})
    assert warnings == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_texts_are_added_to_those_of_the_input(dtype) -> None:
    image = make(4, 4, 3, dtype=dtype, text={"a": "1", "b": "2"})
    assert decode(written(image, "PNG", text={"b": "3"})[0]).metadata.text == {"a": "1", "b": "3"}


@pytest.mark.parametrize("form", ["BMP", "PPM"])
def test_a_lost_profile_is_said(form: str) -> None:
    assert any("ICC profile" in w for w in written(make(4, 4, 3, icc=SRGB), form)[1])


def test_blocks_too_long_for_jpeg_are_dropped_and_said() -> None:
    block = Pillow.Exif()
    block[MAKE] = "x" * 70_000
    image = make(4, 4, 3, exif=block.tobytes(), xmp=b"<x>" + bytes(70_000))
    data, warnings = written(image, "JPEG")
    assert warnings == ["EXIF dropped: too long for JPEG", "XMP dropped: too long for JPEG"]
    assert decode(data).metadata.exif is None


def test_jpeg_defaults_keep_the_colours_sharp() -> None:
    data, _ = written(make(16, 16, 3), "JPEG")
    with Pillow.open(io.BytesIO(data)) as picture:
        assert all(layer[1:3] == (1, 1) for layer in picture.layer)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("form", WRITTEN)
def test_a_pipe_gets_the_same_bytes_as_a_file(form: str, dtype) -> None:
    image = Image(noise(6, 5, 3, dtype=dtype), None, EVERYTHING)
    pipe = Pipe()
    write(image, pipe, form)
    assert pipe.getvalue() == written(image, form)[0]


def test_pictures_of_many_strips_survive() -> None:
    image = make(150, 9, 3, dtype=np.uint16, alpha=True)
    for form in ("PNG", "TIFF"):
        assert same(decode(written(image, form)[0]), image)
    assert decode(written(image.with_pixels(image.pixels), "PPM")[0]).height == 150


def test_other_programs_read_what_is_written() -> None:
    for dtype in (np.uint8, np.uint16):
        image = Image(noise(6, 5, 3, dtype=dtype), noise(6, 5, dtype=dtype), EVERYTHING)
        for form in ("PNG", "TIFF"):
            with Pillow.open(io.BytesIO(written(image, form)[0])) as picture:
                picture.load()
                assert picture.mode == "RGBA"
                assert picture.getexif()[MAKE] == "Canon"
