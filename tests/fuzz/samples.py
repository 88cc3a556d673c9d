"""Small sound files of every format, with all that they hold beside their pixels; and models."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from aecli.images import formats
from aecli.images.image import Image as Picture
from aecli.images.image import Metadata
from aecli.images.writing import write
from tests.images.raws import dng

_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'


def _exif() -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x010F] = 6, "Maker"
    block[0x8769] = {0x9003: "2020:01:01 00:00:00", 0xA002: 24, 0xA003: 16}
    block[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    return block.tobytes()


def pictures() -> dict[str, bytes]:
    """By file name."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (16, 24, 3), np.uint8)
    grey, alpha = colour[..., 0].copy(), colour[..., 1].copy()
    deep = colour.astype(np.uint16) * 257
    data = Metadata(exif=_exif(), xmp=_XMP, dpi=(300.0, 150.0), iptc=b"\x1c\x02\x05\0\1a")
    files = {"raw.dng": dng(np.tile(colour, (2, 1, 1))[:24])}
    for name, form, picture in (
        ("colour.png", "PNG", Picture(colour, alpha, data)),
        ("deep.png", "PNG", Picture(deep, None, data)),
        ("grey.png", "PNG", Picture(grey, None, data)),
        ("colour.jpg", "JPEG", Picture(colour, None, data)),
        ("grey.jpg", "JPEG", Picture(grey)),
        ("colour.webp", "WEBP", Picture(colour, alpha, data)),
        ("colour.tif", "TIFF", Picture(colour, alpha, data)),
        ("deep.tif", "TIFF", Picture(deep, None, data)),
        ("colour.avif", "AVIF", Picture(colour, None, data)),
        ("deep.avif", "AVIF", Picture(deep, None, data)),
        ("colour.heic", "HEIC", Picture(colour, alpha, data)),
        ("deep.heic", "HEIC", Picture(deep, None, data)),
        ("colour.jxl", "JXL", Picture(colour, alpha, data)),
        ("deep.jxl", "JXL", Picture(deep, None, data)),
        ("colour.bmp", "BMP", Picture(colour)),
        ("colour.ppm", "PPM", Picture(colour)),
        ("deep.ppm", "PPM", Picture(deep)),
    ):
        file = io.BytesIO()
        write(picture, file, form)
        files[name] = file.getvalue()
    files["deep.jpg"] = bytes(imagecodecs.jpeg_encode(deep >> 4, bitspersample=12))
    files["lossless.jpg"] = bytes(imagecodecs.ljpeg_encode(grey))
    flat = Image.fromarray(colour)
    for name, picture, options in (
        ("palette.png", flat.quantize(16), {}),
        ("colour.gif", flat.quantize(64), {"comment": b"hello"}),
        ("progressive.jpg", flat, {"progressive": True, "comment": b"hello"}),
        ("cmyk.jpg", flat.convert("CMYK"), {}),
        ("bits.tif", flat.convert("1"), {"compression": "group4"}),
        ("cmyk.tif", flat.convert("CMYK"), {"compression": "tiff_lzw"}),
        ("jpeg.tif", flat, {"compression": "jpeg"}),
        ("lossless.webp", flat, {"lossless": True}),
    ):
        file = io.BytesIO()
        picture.save(file, formats.format_of(name), **options)
        files[name] = file.getvalue()
    for name, options in (
        ("tiles.tif", {"tile": (16, 16), "compression": "lzw"}),
        ("planes.tif", {"planarconfig": "separate", "compression": "zlib", "bigtiff": True}),
    ):
        file = io.BytesIO()
        samples = np.moveaxis(colour, -1, 0) if name == "planes.tif" else colour
        tifffile.imwrite(file, samples, photometric="rgb", metadata=None, **options)
        files[name] = file.getvalue()
    return files


def checkpoints(sources: list[Path]) -> dict[str, bytes]:
    """Models by file name, and some whose metadata say odd things of their own accord."""
    files = {path.name: path.read_bytes() for path in sources}
    for path in sources:
        for name, change in _ODD.items():
            files[f"{path.stem}-{name}.safetensors"] = rewritten(path.read_bytes(), change)
    return files


def rewritten(content: bytes, change: dict[str, Any]) -> bytes:
    """A model that says otherwise of itself; dots lead into its metadata."""
    (size,) = struct.unpack("<Q", content[:8])
    table = json.loads(content[8 : 8 + size])
    said = json.loads(table["__metadata__"]["aecli"])
    for key, value in change.items():
        place, *names = said, *key.split(".")
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = value
    table["__metadata__"]["aecli"] = json.dumps(said)
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


_HUGE, _DEEP = 10**9, [[[[[[[[[[]]]]]]]]]]
_ODD: dict[str, dict[str, Any]] = {
    "task": {"task": "../../x"},
    "tag": {"tag": "/x"},
    "other-task": {"task": "embed"},
    "nothing": {"config": {}, "training": {}, "metrics": {}},
    "blocks": {"config.blocks": [_HUGE, _HUGE]},
    "widths": {"config.widths": [_HUGE]},
    "text": {"config.widths": "abc"},
    "deep": {"training.a": _DEEP, "config.preset": _DEEP},
    "sigma": {"training.sigma_max": "x"},
    "negative": {"training.sigma_max": -1},
    "nan": {"training.sigma_max": float("nan")},
    "noise": {"training.noise": ["camera"]},
    "scale": {"config.scale": _HUGE, "training.scale": "2"},
    "degradation": {"training.degradation": 3},
    "threshold": {"training.duplicates": {"threshold": "1"}},
    "novelty": {"training.novelty": {"missed": [1], "moved": [], "typical": "x"}},
    "latent": {"training.latent": [_HUGE], "config.latent": _HUGE},
    "steps": {"config.steps": _HUGE},
    "classes": {"config.classes": ["a"] * 3},
    "format": {"format": 99},
    "architecture": {"architecture": "vae"},
}
