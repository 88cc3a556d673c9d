"""Picture files that aecli does not read: how to recognise them, and what converts them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_MAGICK = "convert it first, for example with: magick"


class _Kind(NamedTuple):
    """What files are, the hint that cures it, their suffixes, and a regular expression of bytes
    that they begin with; empty where such bytes are none of their own."""

    what: str
    hint: str
    suffixes: str = ""
    begins: bytes = b""


_KINDS = (
    _Kind(
        "a vector drawing",
        "render it first, for example with: rsvg-convert",
        ".svg .svgz",
        rb"\s*(<\?xml[^>]*>\s*)?<svg[\s>]",
    ),
    _Kind("a PDF document", "render it first, for example with: pdftoppm -png", ".pdf", b"%PDF-"),
    _Kind("a Photoshop document", _MAGICK, ".psd .psb", b"8BPS\0"),
    _Kind(
        "JPEG 2000",
        _MAGICK,
        ".jp2 .j2k .j2c .jpx .jpf",
        rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    ),
    _Kind("JPEG XR", _MAGICK, ".jxr .wdp .hdp", b"II\xbc"),
    _Kind("OpenEXR", _MAGICK, ".exr", b"\x76\x2f\x31\x01"),
    _Kind("a Radiance picture", _MAGICK, ".hdr", rb"#\?(RADIANCE|RGBE)"),
    _Kind("a PFM picture of floating-point numbers", _MAGICK, ".pfm", rb"P[Ff]\s"),
    _Kind("a PAM picture", _MAGICK, ".pam", rb"P7\s"),
    _Kind("QOI", _MAGICK, ".qoi", b"qoif"),
    _Kind("a texture (DDS)", _MAGICK, ".dds", b"DDS "),
    _Kind("a FITS picture", _MAGICK, ".fits .fts", b"SIMPLE  ="),
    _Kind("a DICOM picture", _MAGICK, ".dcm"),
    _Kind("Targa", _MAGICK, ".tga"),
    _Kind("a GIMP picture", _MAGICK, ".xcf", b"gimp xcf"),
    _Kind("an icon", _MAGICK, ".ico .icns", b"icns"),
    _Kind("a web page", "download the picture itself", begins=rb"(?i)\s*<(!doctype )?html"),
    _Kind("a pointer of Git LFS", "fetch the picture with: git lfs pull", begins=b"version https:"),
)

_SUFFIXES = {suffix: kind for kind in _KINDS for suffix in kind.suffixes.split()}
_DOCUMENTS = (".pdf",)


def foreign(head: bytes, name: str) -> tuple[str, str] | None:
    """What a known but unreadable file is, and the hint that cures it; None for everything else.

    Args:
        head: the file's first 64 bytes.
        name: the file's name.
    """
    begun = (kind for kind in _KINDS if kind.begins and re.match(kind.begins, head))
    kind = next(begun, None) or _SUFFIXES.get(Path(name).suffix.lower())
    return None if kind is None else kind[:2]


def foreign_suffix(suffix: str) -> tuple[str, str] | None:
    """What files of a suffix (lower case, with the dot) are, and the hint that cures it.

    None where they are no pictures, or may be read, and for documents, which rarely are pictures.
    """
    kind = None if suffix in _DOCUMENTS else _SUFFIXES.get(suffix)
    return None if kind is None else kind[:2]
