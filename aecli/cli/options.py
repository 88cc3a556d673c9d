"""The options that commands share, defined once: one name, one letter, one meaning everywhere.

Each is a type to annotate a parameter with; the parameter's default is the command's own choice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aecli import cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True)
class Panel:
    """A part of a help page, under a title of its own."""

    title: str

    def option(self, *names: str, **details: Any) -> Any:
        """An option that stands there, otherwise as `typer.Option` makes it."""
        return typer.Option(*names, rich_help_panel=self.title, **details)

    def choice(self, words: Sequence[str], **details: Any) -> Any:
        """An option there that is one of some words, and completes them in the shell."""

        def parse(text: str) -> str:
            if text not in words:
                raise typer.BadParameter(f"{text!r} is not one of {', '.join(words)}")
            return text

        return self.option(
            parser=parse, metavar="|".join(words), autocompletion=one_of(words), **details
        )


FILES = Panel("Input and output")
WRITING = Panel("Written files")
MODEL = Panel("Model")
REPORT = Panel("Report")

ENGINES = ("auto", "torch", "ncnn")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def _tile(text: str) -> int | Literal["auto", "off"]:
    """Parse `--tile`."""
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither auto, off nor a number of pixels")
    return int(text)


def number(text: str) -> float:
    """A number, or NaN for a text that is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def factor(text: str) -> float:
    """Parse a factor."""
    value = number(text)
    if not 0 <= value < math.inf:
        raise typer.BadParameter(f"{text!r} is not a factor of zero or more")
    return value


def _shard(text: str) -> Any:
    """Parse `--shard`."""
    from aecli.files.shards import Shard

    try:
        return Shard.parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; 2/5 is the second of five parts") from None


def model_names(context: typer.Context, incomplete: str) -> list[str]:
    """The installed models of the command, for the shell's completion."""
    from aecli.checkpoints import store

    names = {store.family(found.name) for found in store.entries(context.info_name)}
    return sorted(name for name in names if name.startswith(incomplete))


def one_of(words: Iterable[str]) -> Callable[[str], list[str]]:
    """Completes any of some words in the shell."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Image files, folders, or - for standard input; files of many pictures (IDX, .npy,"
        " .npz, .zip), and FILE::PLACE, one of these.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    FILES.option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file, a folder (ends in /, or there are several inputs), or - for standard output."
        " Without it results land beside their inputs.",
    ),
]
Watch = Annotated[
    bool,
    FILES.option(
        "--watch",
        help="Go on with what comes into the folders, until Ctrl-C; needs the extra watch.",
    ),
]
Recursive = Annotated[
    bool, FILES.option("-r", "--recursive", help="Descend into folders; their tree is kept.")
]
FilesFrom = Annotated[
    str | None,
    FILES.option(
        metavar="FILE", help="Read more inputs from FILE (- for standard input), one a line."
    ),
]
Null = Annotated[bool, FILES.option("-0", "--null", help="--files-from is NUL-separated.")]
Template = Annotated[
    str | None,
    FILES.option(
        metavar="TEXT", help="Names of results, of {stem} {ext} {name} {parent} {model} {tag}."
    ),
]
Overwrite = Annotated[bool, FILES.option("--overwrite", help="Replace existing files.")]
SkipExisting = Annotated[
    bool, FILES.option("--skip-existing", help="Leave out inputs whose result exists.")
]
Shard = Annotated[
    Any,  # what _shard gives: Typer takes no types of others
    FILES.option(
        parser=_shard,
        metavar="I/N",
        help="Do every N-th of the inputs, from the I-th on: for N machines at once.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, FILES.option("--dry-run", help="Show what would be written, and stop.")]
MaxPixels = Annotated[
    int, FILES.option(min=1, metavar="N", help="Refuse images with more pixels than this.")
]

Format = Annotated[
    str | None,
    WRITING.option(
        "-f",
        "--format",
        metavar="NAME",
        help="png, jpg, webp, tif, avif, jxl, heic, ... instead of the input's own; of HEIC that is"
        " jpg, of RAW tif.",
    ),
]
Quality = Annotated[
    int | None,
    WRITING.option(
        min=1,
        max=100,
        metavar="N",
        help="Of JPEG, WebP, AVIF, HEIC and JPEG XL files; 95 without it, and what was without loss"
        " stays so in its own format.",
    ),
]
Background = Annotated[
    str,
    WRITING.option(
        metavar="COLOUR", help="What shows through where the format knows no transparency."
    ),
]
Strip = Annotated[bool, WRITING.option("--strip", help="Drop EXIF, XMP, ICC profile and texts.")]

KeepTime = Annotated[
    bool, WRITING.option("--keep-time", help="Give results the inputs' modification times.")
]

Model = Annotated[
    str | None,
    MODEL.option(
        "-m",
        "--model",
        metavar="NAME|PATH",
        help="A model's name (see `aecli models list`) or a .safetensors file.",
        autocompletion=model_names,
    ),
]
Models = Annotated[
    list[str],
    MODEL.option(
        "-m",
        "--model",
        metavar="NAME|PATH",
        help="A model's name (see `aecli models list`) or a .safetensors file. With --compare it is"
        " repeatable: the first makes the result, the others stand beside it.",
        autocompletion=model_names,
    ),
]
Ensemble = Annotated[
    bool,
    MODEL.option(
        "--ensemble",
        help="Average the results of eight orientations: a little better, in eight times the time.",
    ),
]
Tile = Annotated[
    Any,  # what _tile gives, as above
    MODEL.option(
        parser=_tile,
        metavar="auto|off|N",
        help="Side of the tiles large images are cut into; it never changes the result.",
    ),
]
Engine = Annotated[
    str,
    MODEL.choice(
        ENGINES,
        help="What computes: ncnn on a CPU, where it is installed; torch elsewhere, and where"
        " the CPU has AMX and there is much to denoise or upscale.",
    ),
]
Device = Annotated[
    str,
    MODEL.option(
        metavar="auto|cpu|cuda[:N]|mps",
        help="Where the model runs.",
        autocompletion=one_of(DEVICES),
    ),
]
Precision = Annotated[str, MODEL.choice(PRECISIONS, help="What the model computes in.")]
WORKERS = cores.reading()
Workers = Annotated[
    int,
    MODEL.option(
        "-j",
        "--workers",
        min=1,
        metavar="N",
        show_default="half the cores, 2 to 8",  # the manual is made on another machine
        help="Threads that read and write files while the model works.",
    ),
]

Reference = Annotated[
    str | None,
    REPORT.option(
        "--ref",
        metavar="CLEAN",
        help="The true image, or a folder of them with the inputs' names: report PSNR and SSIM"
        " before and after.",
    ),
]
Compare = Annotated[
    bool,
    REPORT.option(
        "--compare",
        help="Also write {stem}_COMMAND_compare.png: before and after side by side, the latter by"
        " each -m.",
    ),
]
Json = Annotated[bool, REPORT.option("--json", help="One JSON object a line on stdout.")]
Quiet = Annotated[bool, REPORT.option("-q", "--quiet", help="Only warnings and errors.")]
Verbose = Annotated[bool, REPORT.option("-v", "--verbose", help="One line a file.")]
