"""Picture files that aecli does not read: how to recognise them, and what converts them."""

from __future__ import annotations

from pathlib import Path

_MAGICK = "convert it first, for example with: magick"

_KINDS = (
    ("a vector drawing", "render it first, for example with: rsvg-convert", ".svg .svgz"),
    ("a PDF document", "render it first, for example with: pdftoppm -png", ".pdf"),
    ("a Photoshop document", _MAGICK, ".psd .psb"),
    ("JPEG 2000", _MAGICK, ".jp2 .j2k .j2c .jpx .jpf"),
    ("JPEG XR", _MAGICK, ".jxr .wdp .hdp"),
    ("OpenEXR", _MAGICK, ".exr"),
    ("a Radiance picture", _MAGICK, ".hdr"),
    ("Targa", _MAGICK, ".tga"),
    ("a GIMP picture", _MAGICK, ".xcf"),
    ("an icon", _MAGICK, ".ico .icns"),
)
"""What files are, the hint that cures it, and their suffixes."""

_SUFFIXES = {suffix: (what, hint) for what, hint, all_ in _KINDS for suffix in all_.split()}
_DOCUMENTS = (".pdf",)


def foreign(head: bytes, name: str) -> tuple[str, str] | None:
    """What a known but unreadable file is, and the hint that cures it; None for everything else.

    Args:
        head: the file's first 64 bytes.
        name: the file's name.
    """
    if head.startswith(b"%PDF-"):
        return _SUFFIXES[".pdf"]
    return _SUFFIXES.get(Path(name).suffix.lower())


def foreign_suffix(suffix: str) -> tuple[str, str] | None:
    """What files of a suffix (lower case, with the dot) are, and the hint that cures it.

    None where they are no pictures, or may be read, and for documents, which rarely are pictures.
    """
    return None if suffix in _DOCUMENTS else _SUFFIXES.get(suffix)
