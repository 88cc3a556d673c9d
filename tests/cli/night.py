"""A folder as people have them, left alone for a night: every kind of picture, and what is none."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from aecli import extras
from aecli.images import writing
from aecli.images.image import Image, Metadata
from tests.images.raws import dng
from tests.images.samples import exif, noise

SUFFIXES = {
    "PNG": "png",
    "JPEG": "JPG",
    "WEBP": "webp",
    "TIFF": "tif",
    "AVIF": "avif",
    "JXL": "jxl",
    "HEIC": "HEIC",
    "RAW": "DNG",
}
EACH, COPIES, CUT = 18, 16, 2
OTHERS = ("notes.txt", "clip.MOV", "drawing.psd", "icon.svg")
EXTRAS = {"HEIC": extras.HEIF, "RAW": extras.RAW}


@dataclass
class Night:
    """What the folder holds, by its path.

    Attributes:
        folder: it.
        good: pictures, and the format of each one's result.
        broken: files that cannot be read.
        left_out: what is told of, but is no picture.
        copies: pictures and their only copies.
    """

    folder: Path
    good: dict[Path, str] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)
    left_out: set[Path] = field(default_factory=set)
    copies: set[frozenset[Path]] = field(default_factory=set)


def picture(seed: int) -> np.ndarray:
    """A smooth one, 64 by 48."""
    small = Pillow.fromarray(noise(3, 4, 3, seed=seed))
    return np.asarray(small.resize((64, 48), Pillow.Resampling.BICUBIC))


def encoded(seed: int, form: str) -> bytes:
    """A picture as a file of a format, with EXIF."""
    if form == "RAW":
        return dng(picture(seed))
    file = io.BytesIO()
    writing.write(Image(picture(seed), None, Metadata(exif=exif(1))), file, form)
    return file.getvalue()


def make(folder: Path) -> Night:
    """Two hundred files, fewer where an extra is not installed: half of them in a folder below."""
    night = Night(folder)
    (folder / "deeper").mkdir(parents=True)
    forms = [form for form in SUFFIXES if form not in EXTRAS or EXTRAS[form].there]
    for kind, form in enumerate(forms):
        suffix = SUFFIXES[form]
        result = {"RAW": "TIFF", "HEIC": "JPEG"}.get(form, form)
        for number in range(EACH):
            place = folder / "deeper" if number % 2 else folder
            path = place / f"{form.lower()}{number}.{suffix}"
            path.write_bytes(encoded(100 * kind + number, form))
            night.good[path] = result
        for number in range(CUT):
            path = folder / f"cut {form.lower()}{number}.{suffix}"
            whole = (folder / f"{form.lower()}0.{suffix}").read_bytes()
            path.write_bytes(whole[: 40 + 60 * number])
            night.broken.add(path)
    for number in range(COPIES):
        place = folder / "deeper" if number % 2 else folder
        same = place / f"jpeg{number}.JPG", folder / f"jpeg{number} (1).jpg"
        same[1].write_bytes(same[0].read_bytes())
        again = place / f"webp{number}.webp", folder / f"webp{number}.again.png"
        again[1].write_bytes(encoded(100 * forms.index("WEBP") + number, "PNG"))
        night.copies |= {frozenset(same), frozenset(again)}
        night.good |= {same[1]: "JPEG", again[1]: "PNG"}
    for name, content in {
        "empty.jpg": b"",
        "text.png": b"no picture",
        "page.jpg": b"<html>",
    }.items():
        (folder / name).write_bytes(content)
        night.broken.add(folder / name)
    for name in OTHERS:
        (folder / name).write_bytes(b"no picture")
    (folder / "gone.png").symlink_to("nothing")
    (folder / "loop").symlink_to(".")
    night.left_out = {folder / name for name in ("drawing.psd", "icon.svg", "gone.png")}
    return night
