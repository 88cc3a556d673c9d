"""Picture files that aecli does not read: how to recognise them, and what converts them."""

from __future__ import annotations

from pathlib import Path

_MAGICK = "convert it first, for example with: magick"

_KINDS = (
    (
        "a camera's RAW file",
        "convert it first, for example with: darktable-cli, rawtherapee-cli or dcraw -T",
        (
            ".3fr .arw .cr2 .cr3 .crw .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf"
            " .raw .rw2 .rwl .sr2 .srf .srw .x3f"
        ),
    ),
    ("HEIC", "convert it first, for example with: heif-convert", ".heic .heif .hif"),
    ("JPEG XL", "convert it first, for example with: djxl", ".jxl"),
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
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")


def foreign(head: bytes, name: str, *, recognised: bool) -> tuple[str, str] | None:
    """What a known but unreadable file is, and the hint that cures it; None for everything else.

    Args:
        head: the file's first 64 bytes.
        name: the file's name.
        recognised: whether the content alone already says that aecli reads it. It does not where it
            looks like TIFF, as most RAW files do: then the name counts.
    """
    if head[4:8] == b"ftyp" and any(brand in head[8:] for brand in _HEIF_BRANDS):
        return _SUFFIXES[".heic"]
    if head[4:12] == b"ftypcrx " or head[8:10] == b"CR" or head.startswith(b"FUJIFILMCCD-RAW"):
        return _SUFFIXES[".raw"]
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n")):
        return _SUFFIXES[".jxl"]
    if head.startswith(b"%PDF-"):
        return _SUFFIXES[".pdf"]
    return None if recognised else _SUFFIXES.get(Path(name).suffix.lower())


def foreign_suffix(suffix: str) -> tuple[str, str] | None:
    """What files of a suffix (lower case, with the dot) are, and the hint that cures it.

    None where aecli reads them, where they are no pictures, and for documents, which rarely are.
    """
    return None if suffix in _DOCUMENTS else _SUFFIXES.get(suffix)
