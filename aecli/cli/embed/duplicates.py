"""Near-duplicates among the vectors: listed, and laid out on a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aecli.cli import console
from aecli.datasets.collecting import find
from aecli.datasets.item import FileItem
from aecli.figures import groups as group_page
from aecli.images import reading
from aecli.inference import copies, thumbnails

if TYPE_CHECKING:
    from aecli.cli.embed.report import EmbedReport
    from aecli.cli.embed.request import EmbedRequest
    from aecli.inference.collection import Collection
    from aecli.inference.copies import Group


def tell(request: EmbedRequest, collection: Collection, report: EmbedReport) -> None:
    """Find near-duplicates, and lay them out on a page where one is asked for."""
    threshold = request.threshold or collection.threshold
    groups = copies.groups(collection.vectors, threshold, workers=request.workers)
    report.duplicates(groups, threshold)
    if request.plot is not None and request.page:
        many = "group" if len(groups) == 1 else "groups"
        title = f"{len(groups)} {many} of near-duplicates by {collection.vectors.model}"
        pages = [_members(group, request.workers) for group in groups]
        content = group_page.page(pages, title).encode()
        target = Path(request.plot)
        console.deliver(lambda file: file.write(content), target, overwrite=request.overwrite)
        report.drawn(sum(len(group.paths) for group in groups))


def _members(group: Group, workers: int) -> list[group_page.Member]:
    """The pictures of a group, and what there is to say of each."""
    pictures, there = thumbnails.read(group.paths, group_page.SIDE, workers=workers)
    members = []
    for number, (path, tile, read) in enumerate(zip(group.paths, pictures, there, strict=True)):
        notes = ["kept" if number == 0 else "copy"]
        notes += ["mirrored"] if path in group.mirrored else []
        notes += [_size(path)] if read else ["cannot be read any more"]
        members.append(group_page.Member(path, tile, ", ".join(notes)))
    return members


def _size(path: str) -> str:
    item = find(path)
    if not isinstance(item, FileItem):
        height, width = item.size()
        return f"{width}x{height}"
    header = reading.probe(Path(path))
    return f"{header.width}x{header.height} {header.format}, {Path(path).stat().st_size:,} bytes"
