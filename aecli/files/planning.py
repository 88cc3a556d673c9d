"""Where every result goes, settled and checked before any work starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping  # noqa: TC003 - dataclass field
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from aecli.errors import Reason, UsageError
from aecli.files import places
from aecli.files.inputs import LeftOut, Source
from aecli.files.paths import Kind, absolute, kind
from aecli.files.shards import Shard
from aecli.images.formats import FORMATS, SUFFIXES, format_of, suffix_of, writable

if TYPE_CHECKING:
    from collections.abc import Sequence

STDOUT = "-"
ALL = Shard()


@dataclass(frozen=True)
class Naming:
    """How results are called.

    Attributes:
        tag: what the command did (`denoised`, `x2`); `{stem}_{tag}` is the name of a result beside
            its input.
        template: the user's own pattern of `{stem} {ext} {name} {parent} {tag}` and the keys of
            `values`; it may hold folders. None for the default.
        format: the format all results get, or None to keep each input's.
        values: what further placeholders stand for, such as `{model}`.
        tags: a regular expression of what the command calls its results whatever its options; None
            where that is always `tag`.
    """

    tag: str
    template: str | None = None
    format: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    tags: str | None = None

    def name(self, relative: Path, parent: str, default: str) -> Path:
        """The result's file name for an input called `relative.name` in a folder called `parent`.

        Raises:
            UsageError: the template is malformed, leaves the folder, or has an unknown placeholder.
        """
        suffix = relative.suffix
        before = format_of(suffix) if suffix.lower() in SUFFIXES else None
        after = self.format or (writable(before) if before else None)
        if after and after != before:
            suffix = suffix_of(after)
        template = self.template or default
        words = dict(self.values) | {
            "stem": relative.stem,
            "ext": suffix.removeprefix("."),
            "name": relative.name,
            "parent": parent,
            "tag": self.tag,
        }
        filled = _fill(template, words)
        name = Path(filled if suffix else filled.removesuffix("."))
        if name.is_absolute() or ".." in name.parts or not name.name:
            raise UsageError(f"template {template!r} does not name a file below the output folder")
        if template.endswith(("{ext}", "{name}")) or Path(template).suffix.lower() in SUFFIXES:
            return name
        return name.with_name(name.name + suffix)

    def made(self, source: Source, siblings: set[tuple[Path, str]]) -> bool:
        """Whether `source` is an earlier result of the same command.

        That is: it carries one of its tags, and its original is among `siblings`, pairs of a folder
        and a stem or a name.
        """
        if source.path is None:
            return False
        tags = self.tags or re.escape(self.tag)
        match = re.fullmatch(rf"(.+?)_({tags})", source.path.stem)
        return match is not None and (source.path.parent, match[1]) in siblings


@dataclass(frozen=True)
class Job:
    """One image to read and the place of its result.

    Attributes:
        source: what to read.
        target: where the result goes, None for standard output.
        format: the result's format, or None for the input's own, known once that is decoded.
        skip: the result exists and is to be left as it is.
    """

    source: Source
    target: Path | None
    format: str | None
    skip: bool = False


def fresh(
    sources: Sequence[Source], out: str | None, naming: Naming
) -> tuple[list[Source], list[LeftOut]]:
    """The sources less those that an earlier run of the same command made, and these.

    Of those found in folders: named results beside their original, or what lies in the folder
    `out` below the one that was searched. What the user names is never left out.

    Raises:
        UsageError: nothing remains.
    """
    siblings = {
        (s.path.parent, name)
        for s in sources
        if s.path is not None
        for name in (s.relative.stem, s.relative.name)
    }
    folder = None if out is None or out == STDOUT else absolute(Path(out))
    kept: list[Source] = []
    made: list[LeftOut] = []
    for source in sources:
        if (
            source.found
            and source.path is not None
            and (naming.made(source, siblings) or _below(source.path, source.relative, folder))
        ):
            made.append(LeftOut(source.path, "an earlier result", made=True))
        else:
            kept.append(source)
    if not kept:
        raise UsageError("nothing to do: all images are results of an earlier run")
    return kept, made


def _below(path: Path, relative: Path, folder: Path | None) -> bool:
    """Whether a file found under a relative name lies in a folder below the one searched."""
    if folder is None:
        return False
    parents = absolute(path).parents
    return parents[len(relative.parts) - 1] in folder.parents and folder in parents


def foreign(items: Sequence[LeftOut], out: str | None) -> list[LeftOut]:
    """What was left out, less the folders that lead to the results."""
    place = None if out is None or out == STDOUT else absolute(Path(out))
    return [
        item
        for item in items
        if not (item.folder and place and absolute(item.path) in (place, *place.parents))
    ]


def plan(
    sources: Sequence[Source],
    out: str | None,
    naming: Naming,
    *,
    overwrite: bool = False,
    skip_existing: bool = False,
    shard: Shard = ALL,
) -> list[Job]:
    """One job for each source, in order; of these a shard's.

    Args:
        sources: what to work on.
        out: a folder, a file, `-` for standard output, or None for beside the input.
        naming: how results are called.
        overwrite: existing files may be replaced (never an input).
        skip_existing: sources whose result exists are marked `skip`.
        shard: whose jobs are done here; those of others may have been done by now.

    Raises:
        UsageError: two results of one name (also where only the case differs, or the form of
            Unicode, if the file system there takes that for one name); a result in place of an
            input; a result that exists; a place that cannot be written; several inputs to one
            file.
    """
    if overwrite and skip_existing:
        raise UsageError("replacing existing results and skipping them exclude each other")
    if naming.format:
        FORMATS[naming.format].check_written()
    if out == STDOUT or (out is None and any(s.once for s in sources)):
        if len(sources) > 1:
            raise UsageError("standard output takes one result only", reason=Reason.ONE_STREAM)
        return shard.of([Job(s, None, naming.format) for s in sources])
    if to_file := out is not None and not _is_folder(out, sources):
        jobs = [_to_file(sources, Path(out), naming)]
    else:
        jobs = [_to_folder(s, out, naming) for s in sources]
    if skip_existing:
        jobs = [replace(job, skip=job.target is not None and _done(job.target)) for job in jobs]
    mine = shard.of(jobs)
    made = {job.target for job in mine if not job.skip}
    results = [(job.source.name, job.target) for job in jobs if job.target is not None]
    places.check(
        [result for result in results if result[1] in made],
        kept=[result for result in results if result[1] not in made],
        inputs=[job.source.path for job in jobs if job.source.path is not None],
        overwrite=overwrite,
        make_folders=not to_file,
    )
    return mine


def _done(target: Path) -> bool:
    return kind(target) is Kind.FILE


def _fill(template: str, words: Mapping[str, str]) -> str:
    """`template` with its `{word}` filled in; nothing else of `str.format` but `{{` and `}}`."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"template {template!r}: {error}") from None
    unknown = [
        w for _, w, spec, conv in parts if w is not None and (w not in words or spec or conv)
    ]
    if unknown:
        known = " ".join(f"{{{w}}}" for w in sorted(words))
        raise UsageError(
            f"template {template!r}: no placeholder {{{unknown[0]}}}", f"known: {known}"
        )
    return "".join(literal + (words[w] if w is not None else "") for literal, w, _, _ in parts)


def _is_folder(out: str, sources: Sequence[Source]) -> bool:
    """Whether `out` means a folder: by what it is, how it is spelled, or how much goes there."""
    path = Path(out)
    if kind(path) is Kind.FOLDER or out.endswith(("/", os.sep)):
        return True
    if kind(path) is not None or path.suffix.lower() in SUFFIXES:
        return False
    return len(sources) > 1 or any(s.found for s in sources)


def _to_file(sources: Sequence[Source], target: Path, naming: Naming) -> Job:
    if len(sources) > 1:
        raise UsageError(
            f"{len(sources)} inputs cannot go to one file, {target}", reason=Reason.ONE_FILE
        )
    form = _agreed(target, naming)
    if form is None:
        raise UsageError(f"{target}: its name says no image format", reason=Reason.FORMAT)
    return Job(sources[0], target, form)


def _to_folder(source: Source, out: str | None, naming: Naming) -> Job:
    path = source.path or source.relative
    parent = absolute(path).parent.name if source.path else ""
    if out is None:
        target = path.parent / naming.name(
            source.relative, parent, f"{{stem}}_{naming.tag}.{{ext}}"
        )
    else:
        name = naming.name(source.relative, parent, "{stem}")
        target = Path(out) / source.relative.parent / name
    return Job(source, target, _agreed(target, naming))


def _agreed(target: Path, naming: Naming) -> str | None:
    """The format that the target's name says, or that is asked for; None where there is neither.

    Raises:
        UsageError: they contradict each other, or the format is not written.
    """
    if target.suffix.lower() not in SUFFIXES:
        return naming.format
    named = format_of(target)
    if naming.format not in (None, named):
        raise UsageError(f"{target}: the name says {named}, not {naming.format} as asked for")
    try:
        FORMATS[named].check_written()
    except UsageError as error:
        raise UsageError(f"{target}: {error.message}", error.hint) from None
    return named
