"""What XMP promises to lie beside a photo, in the same file: it is gone once that is rewritten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.dom import Node, minidom
from xml.parsers.expat import ExpatError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GOOGLE = "http://ns.google.com/photos/1.0/"
_PROMISES = {
    _GOOGLE + "camera/": "video",
    _GOOGLE + "container/": "",  # a list of what the others name
    _GOOGLE + "container/item/": "",
    _GOOGLE + "depthmap/": "depth map",
    _GOOGLE + "image/": "second image",
    _GOOGLE + "audio/": "sound",
    "http://ns.adobe.com/hdr-gain-map/1.0/": "gain map",
    "http://ns.apple.com/HDRGainMap/1.0/": "gain map",
}
"""Namespaces of properties about what lies beside a photo, and what that is."""

_VIDEO = re.compile("MotionPhoto|MicroVideo")
"""Properties in the camera's namespace that are about a video; the others are about the photo."""

_EXTENDED = "HasExtendedXMP"
"""Names a second packet, which holds such things, and is not kept."""


def parted(xmp: bytes | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The packet without what it promises of the rest of its file, and a line for each promise.

    A packet that promises something but is no XML is dropped whole.
    """
    if not xmp or not any(uri.encode() in xmp for uri in _PROMISES):
        return xmp, ()
    try:
        if b"<!DOCTYPE" in xmp:
            raise ValueError("XMP has no document type")
        document = minidom.parseString(xmp)  # noqa: S318 - without a type there are no entities
    except (ExpatError, ValueError):
        return None, ("XMP dropped: it is damaged",)
    found = {what for element in _elements(document) for what in _removed(element)} - {""}
    if not found:
        return xmp, ()
    _forget(document)
    packet = "".join(node.toxml() for node in document.childNodes).encode()
    return packet, tuple(map(left_out, sorted(found)))


def left_out(what: str) -> str:
    """The line about something beside a photo that no result will have."""
    return f"the {what} beside the photo is left out"


def _elements(node: Any) -> Iterator[Any]:
    """All elements below a node, the innermost first."""
    for child in list(node.childNodes):
        if child.nodeType == Node.ELEMENT_NODE:
            yield from _elements(child)
            yield child


def _removed(element: Any) -> Iterator[str]:
    """Take promises from an element, or it from its parent if it is one itself."""
    for attribute in list(element.attributes.values()):
        if _promises(attribute):
            element.removeAttributeNode(attribute)
            yield _PROMISES.get(attribute.namespaceURI, "")
    if _promises(element):
        element.parentNode.removeChild(element)
        yield _PROMISES.get(element.namespaceURI, "")


def _forget(document: Any) -> None:
    """Take away the declarations of namespaces that nothing is left of."""
    elements = list(_elements(document))
    nodes = [*elements, *(a for element in elements for a in element.attributes.values())]
    used = {node.namespaceURI for node in nodes}
    for element in elements:
        for attribute in list(element.attributes.values()):
            if attribute.prefix == "xmlns" and attribute.value in _PROMISES.keys() - used:
                element.removeAttributeNode(attribute)


def _promises(node: Any) -> bool:
    if node.localName == _EXTENDED:
        return True
    if node.namespaceURI == _GOOGLE + "camera/":
        return _VIDEO.search(node.localName) is not None
    return node.namespaceURI in _PROMISES
