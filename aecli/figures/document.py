"""Web pages that need nothing else: one file each, which loads nothing and sends nothing."""

from __future__ import annotations

import base64
import html
import io
from importlib import resources
from typing import TYPE_CHECKING

import PIL.Image

if TYPE_CHECKING:
    from aecli.figures.sheet import Picture

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'{scripts}">
<title>{title}</title>
"""


def document(template: str, title: str, *, scripts: bool = False, **parts: str) -> str:
    """A page.

    Args:
        template: a file beside this one: what follows the title in the page's head, and its body.
        title: the page's, which also takes the place of `{{title}}`.
        scripts: whether the template has any.
        parts: HTML in place of `{{name}}`, by the name.
    """
    text = resources.files("aecli.figures").joinpath(template).read_text("utf-8")
    escaped = html.escape(title)
    for name, part in {"title": escaped, **parts}.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    policy = "; script-src 'unsafe-inline'" if scripts else ""
    return _HEAD.format(title=escaped, scripts=policy) + text


def jpeg_url(picture: Picture, quality: int) -> str:
    """A picture (H, W, 3) as the address of an image that is its own content."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
