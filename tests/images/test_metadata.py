from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PIL.Image import Exif

from aecli.images.image import Metadata
from aecli.images.metadata import lies_sideways, resized

from .samples import EXIF_IFD, EXIF_WIDTH, ORIENTATION, encode, exif, noise


def test_a_resized_picture_prints_as_large_as_before() -> None:
    data = Metadata(icc=b"profile", dpi=(72, 300), text={"Title": "A"})
    after = resized(data, (100, 50), (250, 100))
    assert after.dpi == (180, 600)
    assert (after.icc, after.text) == (data.icc, data.text)
    assert resized(Metadata(), (100, 50), (250, 100)) == Metadata()


def test_a_resolution_no_format_holds_is_dropped() -> None:
    assert resized(Metadata(dpi=(60_000, 60_000)), (1, 1), (2, 2)).dpi is None


def test_the_size_in_exif_follows() -> None:
    before = exif(1)
    after = resized(Metadata(exif=before), (10, 20), (30, 60)).exif
    block = Exif()
    block.load(after)
    assert block.get_ifd(EXIF_IFD)[EXIF_WIDTH] == 30
    assert block.get_ifd(EXIF_IFD)[EXIF_WIDTH + 1] == 60
    assert block[0x010F] == "Canon"


def test_the_size_in_xmp_follows() -> None:
    xmp = (
        b"<rdf:Description tiff:ImageWidth=\"10\" exif:PixelYDimension='20'>"
        b"<exif:PixelXDimension>10</exif:PixelXDimension><tiff:Make>10</tiff:Make>"
        b"<tiff:ImageLength> 20 </tiff:ImageLength></rdf:Description>"
    )
    assert resized(Metadata(xmp=xmp), (10, 20), (30, 60)).xmp == (
        b"<rdf:Description tiff:ImageWidth=\"30\" exif:PixelYDimension='60'>"
        b"<exif:PixelXDimension>30</exif:PixelXDimension><tiff:Make>10</tiff:Make>"
        b"<tiff:ImageLength> 60 </tiff:ImageLength></rdf:Description>"
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
def test_whether_a_header_swaps_width_and_height(
    tmp_path: Path, form: str, orientation: int
) -> None:
    path = tmp_path / "picture"
    block = Image.Exif()
    block[ORIENTATION] = orientation
    path.write_bytes(encode(noise(4, 6, 3), form, exif=block))
    assert lies_sideways(path) is (orientation >= 5)


def test_what_is_no_picture_lies_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    assert not lies_sideways(tmp_path / "rubbish")
    assert not lies_sideways(tmp_path / "missing")
