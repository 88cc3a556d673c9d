"""The door between image files and `Image`: look, read, write."""

from __future__ import annotations

from aecli.imaging.formats import FORMATS, SUFFIXES, format_of, suffix_of, writable
from aecli.imaging.reading import MAX_PIXELS, Header, decode, probe
from aecli.imaging.writing import colour_of, save_png, write

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "SUFFIXES",
    "Header",
    "colour_of",
    "decode",
    "format_of",
    "probe",
    "save_png",
    "suffix_of",
    "writable",
    "write",
]
