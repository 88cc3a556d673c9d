"""The options that commands share, defined once: one name, one letter, one meaning everywhere.

Each is a type to annotate a parameter with; the parameter's default is the command's own choice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FILES = "Input and output"
WRITING = "Written files"
MODEL = "Model"
REPORT = "Report"

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


def _engine(text: str) -> str:
    """Parse `--engine`."""
    if text not in ENGINES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(ENGINES)}")
    return text


def _precision(text: str) -> str:
    """Parse `--precision`."""
    if text not in PRECISIONS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(PRECISIONS)}")
    return text


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
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file, a folder (ends in /, or there are several inputs), or - for standard output."
        " Without it results land beside their inputs.",
        rich_help_panel=FILES,
    ),
]
Watch = Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Go on with what comes into the folders, until Ctrl-C; needs the extra watch.",
        rich_help_panel=FILES,
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "-r", "--recursive", help="Descend into folders; their tree is kept.", rich_help_panel=FILES
    ),
]
FilesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Read more inputs from FILE (- for standard input), one a line.",
        rich_help_panel=FILES,
    ),
]
Null = Annotated[
    bool,
    typer.Option("-0", "--null", help="--files-from is NUL-separated.", rich_help_panel=FILES),
]
Template = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Names of results, of {stem} {ext} {name} {parent} {model} {tag}.",
        rich_help_panel=FILES,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing files.", rich_help_panel=FILES)
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing", help="Leave out inputs whose result exists.", rich_help_panel=FILES
    ),
]
Shard = Annotated[
    Any,  # what _shard gives: Typer takes no types of others
    typer.Option(
        parser=_shard,
        metavar="I/N",
        help="Do every N-th of the inputs, from the I-th on: for N machines at once.",
        show_default=False,
        rich_help_panel=FILES,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what would be written, and stop.", rich_help_panel=FILES),
]
MaxPixels = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Refuse images with more pixels than this.", rich_help_panel=FILES
    ),
]

Format = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--format",
        metavar="NAME",
        help="png, jpg, webp, tif, avif, jxl, heic, ... instead of the input's own; of HEIC that is"
        " jpg, of RAW tif.",
        rich_help_panel=WRITING,
    ),
]
Quality = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="N",
        help="Of JPEG, WebP, AVIF, HEIC and JPEG XL files; 95 without it, and WebP and JPEG XL that"
        " was without loss stays so.",
        rich_help_panel=WRITING,
    ),
]
Background = Annotated[
    str,
    typer.Option(
        metavar="COLOUR",
        help="What shows through where the format knows no transparency.",
        rich_help_panel=WRITING,
    ),
]
Strip = Annotated[
    bool,
    typer.Option("--strip", help="Drop EXIF, XMP, ICC profile and texts.", rich_help_panel=WRITING),
]

KeepTime = Annotated[
    bool,
    typer.Option(
        "--keep-time", help="Give results the inputs' modification times.", rich_help_panel=WRITING
    ),
]

Model = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--model",
        metavar="NAME|PATH",
        help="A model's name (see `aecli models list`) or a .safetensors file.",
        rich_help_panel=MODEL,
        autocompletion=model_names,
    ),
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble",
        help="Average the results of eight orientations: a little better, in eight times the time.",
        rich_help_panel=MODEL,
    ),
]
Tile = Annotated[
    Any,  # what _tile gives, as above
    typer.Option(
        parser=_tile,
        metavar="auto|off|N",
        help="Side of the tiles large images are cut into; it never changes the result.",
        rich_help_panel=MODEL,
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        parser=_engine,
        metavar="|".join(ENGINES),
        help="What computes: ncnn on a CPU, torch elsewhere, unless told.",
        rich_help_panel=MODEL,
        autocompletion=one_of(ENGINES),
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda[:N]|mps",
        help="Where the model runs.",
        rich_help_panel=MODEL,
        autocompletion=one_of(DEVICES),
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        parser=_precision,
        metavar="|".join(PRECISIONS),
        help="What the model computes in.",
        rich_help_panel=MODEL,
        autocompletion=one_of(PRECISIONS),
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "-j",
        "--workers",
        min=1,
        metavar="N",
        help="Threads that read and write files while the model works.",
        rich_help_panel=MODEL,
    ),
]

Reference = Annotated[
    str | None,
    typer.Option(
        "--ref",
        metavar="CLEAN",
        help="The true image, or a folder of them with the inputs' names: report PSNR and SSIM"
        " before and after.",
        rich_help_panel=REPORT,
    ),
]
Compare = Annotated[
    bool,
    typer.Option(
        "--compare",
        help="Also write {stem}_compare.png: before and after, side by side.",
        rich_help_panel=REPORT,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object a line on stdout.", rich_help_panel=REPORT),
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Only warnings and errors.", rich_help_panel=REPORT)
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="One line a file.", rich_help_panel=REPORT)
]
