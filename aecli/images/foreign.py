"""Picture files that aecli does not read: how to recognise them, and what converts them."""

from __future__ import annotations

from pathlib import Path

_RAW = "convert it first, for example with: darktable-cli, rawtherapee-cli or dcraw -T"
_HEIF = "convert it first, for example with: heif-convert"
_JXL = "convert it first, for example with: djxl"

_SUFFIXES = {
    **dict.fromkeys(
        [
            *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef"),
            *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl"),
            *(".sr2", ".srf", ".srw", ".x3f"),
        ],
        ("a camera's RAW file", _RAW),
    ),
    **dict.fromkeys((".heic", ".heif", ".hif"), ("HEIC", _HEIF)),
    ".jxl": ("JPEG XL", _JXL),
    ".svg": ("a vector drawing", "render it first, for example with: rsvg-convert"),
    ".pdf": ("a PDF document", "render it first, for example with: pdftoppm -png"),
}
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
