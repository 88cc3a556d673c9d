"""What the user asks of `aecli embed`, and whether it can be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aecli.cli import console
from aecli.errors import UsageError, did_you_mean
from aecli.files.inputs import STDIN
from aecli.files.paths import Kind, kind
from aecli.images import formats
from aecli.images.formats import FORMATS
from aecli.inference import export, projection

STDOUT = "-"
PAGE = (".html", ".htm")


@dataclass(frozen=True)
class Request:
    """The options' values (`aecli.cli.embed`); None where one is not given.

    Raises:
        UsageError: they contradict each other, or what they would write may not be written.
    """

    inputs: tuple[str, ...]
    output: str | None
    format: str | None
    update: bool
    index: str | None
    files_from: str | None
    null: bool
    overwrite: bool
    nearest: str | None
    k: int | None
    duplicates: bool
    threshold: float | None
    plot: str | None
    thumbnails: bool
    projection: str | None
    report: bool
    model: str | None
    device: str
    precision: str
    workers: int
    json: bool
    quiet: bool
    verbose: bool

    def __post_init__(self) -> None:
        self._refuse_nothing()
        self._refuse_contradictions()
        self._check_output()
        self._check_plot()

    @property
    def named(self) -> bool:
        """Whether there are pictures to embed, beside or instead of an index."""
        return bool(self.inputs) or self.files_from is not None

    @property
    def base(self) -> Path | None:
        """The file of vectors to start from."""
        if self.update and self.output is not None:
            path = Path(self.output)
            return path if kind(path) is not None else None
        return None if self.index is None else Path(self.index)

    @property
    def writes(self) -> str | None:
        """The format of the vectors that are to be kept."""
        return None if self.output is None else export.format_of(self.format or self.output)

    @property
    def page(self) -> bool:
        """Whether the map is a web page."""
        return self.plot is not None and Path(self.plot).suffix.lower() in PAGE

    def _refuse_nothing(self) -> None:
        if not (self.output or self.nearest or self.duplicates or self.plot or self.report):
            raise UsageError(
                "there is nothing to do with the vectors",
                "-o FILE.npz keeps them; or --nearest, --duplicates, --plot, --report",
            )
        if not self.named and self.index is None:
            raise UsageError("no inputs", "name image files or folders, or --index FILE.npz")

    def _refuse_contradictions(self) -> None:
        to_stdout = [
            name
            for name, given in (
                ("-o -", self.output == STDOUT),
                ("--nearest", self.nearest is not None),
                ("--duplicates", self.duplicates),
                ("--report", self.report),
            )
            if given
        ]
        if len(to_stdout) > 1:
            raise UsageError(f"{to_stdout[0]} and {to_stdout[1]} both write to standard output")
        if self.output == STDOUT and self.json:
            raise UsageError("--json and the vectors cannot both go to standard output")
        if self.json and self.null:
            raise UsageError("--json and --null exclude each other")
        if self.update and self.index is not None:
            raise UsageError("--update and --index exclude each other", "-o names what is updated")
        if self.nearest == STDIN and (STDIN in self.inputs or self.files_from == STDIN):
            raise UsageError("standard input cannot be both the query and an input")
        meaningless = {
            "-k means nothing without --nearest": self.k is not None and self.nearest is None,
            "--threshold means nothing without --duplicates": (
                self.threshold is not None and not self.duplicates
            ),
            "--thumbnails means nothing without --plot": self.thumbnails and self.plot is None,
            "--projection means nothing without --plot": (
                self.projection is not None and self.plot is None
            ),
            "--thumbnails and --projection mean nothing to the page of --duplicates": (
                self.duplicates and self.page and (self.thumbnails or self.projection is not None)
            ),
            "--thumbnails and --projection mean nothing to the contact sheet of --nearest": (
                self.nearest is not None and (self.thumbnails or self.projection is not None)
            ),
            "-f means nothing without -o": self.format is not None and self.output is None,
        }
        for message, so in meaningless.items():
            if so:
                raise UsageError(message)

    def _check_output(self) -> None:
        if self.output is None:
            if self.update:
                raise UsageError("--update needs -o FILE.npz", "that is the file it adds to")
            return
        if self.output == STDOUT and self.format is None:
            raise UsageError("-o - needs a format", f"-f {', '.join(export.FORMATS)}")
        written = self.writes
        if self.update and (written != "npz" or self.output == STDOUT):
            raise UsageError("--update adds to .npz files only")
        if self.output != STDOUT:
            path = Path(self.output)
            self._refuse_target(path, kept=self.update)
            if written == "npy":
                self._refuse_target(export.paths_beside(path))
        elif written == "npy":
            raise UsageError(
                "an .npy on standard output would lose its paths", "-f npz keeps them together"
            )
        elif written in ("npz", "parquet") and console.stdout_is_terminal():
            raise UsageError(f"{written} is not for the terminal", "name a file, or redirect")

    def _check_plot(self) -> None:
        if self.plot is None:
            return
        if self.projection is not None:
            if self.projection not in projection.METHODS:
                hint = did_you_mean(self.projection, projection.METHODS)
                raise UsageError(f"--projection: {self.projection!r} is no projection", hint)
            projection.check(self.projection)
        path = Path(self.plot)
        if not self.page and not FORMATS[formats.format_of(path)].written:
            raise UsageError(f"--plot {path}: is not written in that format", "choose png or html")
        if self.page and self.nearest is not None:
            raise UsageError("the contact sheet of --nearest is a picture", "choose png")
        if self.output is not None and path.absolute() == Path(self.output).absolute():
            raise UsageError(f"{path} cannot be both the vectors and the map")
        self._refuse_target(path)

    def _refuse_target(self, path: Path, *, kept: bool = False) -> None:
        stands = kind(path)
        if stands is Kind.FOLDER:
            raise UsageError(f"{path} is a folder")
        sources = [*self.inputs, *filter(None, [self.nearest, self.files_from])]
        if stands is Kind.FILE and any(_same(path, Path(name)) for name in sources):
            raise UsageError(f"the result would replace the input {path}")
        if stands is Kind.FILE and not (self.overwrite or kept):
            raise UsageError(f"{path} exists already", "--overwrite replaces it")
        if kind(path.parent) is not Kind.FOLDER:
            raise UsageError(f"{path.parent}: no such folder")


def _same(path: Path, source: Path) -> bool:
    return kind(source) is Kind.FILE and path.samefile(source)
