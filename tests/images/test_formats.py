from __future__ import annotations

from pathlib import Path

import pytest

from aecli.errors import UsageError
from aecli.images.formats import format_of, suffix_of, writable


@pytest.mark.parametrize(
    ("text", "form"),
    [
        *(("png", "PNG"), (".PNG", "PNG"), ("out/a.jpg", "JPEG"), (Path("a.b.JPEG"), "JPEG")),
        *(("tif", "TIFF"), ("a.tiff", "TIFF"), ("webp", "WEBP")),
    ],
)
def test_format_of(text, form: str) -> None:
    assert format_of(text) == form


@pytest.mark.parametrize("text", ["", ".", "gifx", "a", "a.", "folder/", "x.psd"])
def test_format_of_unknown_words(text: str) -> None:
    with pytest.raises(UsageError, match="no known image format"):
        format_of(text)


def test_a_mistyped_format_gets_a_hint() -> None:
    with pytest.raises(UsageError) as caught:
        format_of("jpgg")
    assert "jpg" in (caught.value.hint or "")


def test_formats_and_suffixes_agree() -> None:
    for form in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "PPM"):
        assert format_of(suffix_of(form)) == form == writable(form)
    assert writable("GIF") == writable(None) == "PNG"
    assert (writable("HEIC"), writable("RAW"), writable("JXL")) == ("JPEG", "TIFF", "JXL")
