"""What cures an error, in the words of the command line: lower rooms know facts, not options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.errors import AecliError

CURES: Mapping[Reason, str] = {
    Reason.EXISTS: "--overwrite replaces it",
    Reason.COLLISION: "name results after their inputs, for example with --template '{name}.{ext}'"
    " or '{parent}_{stem}.{ext}'",
    Reason.TOO_MANY_PIXELS: "--max-pixels sets the limit",
    Reason.TOO_LARGE_FOR_FORMAT: "choose another format, for example with -f png",
    Reason.FORMAT: "-f names one; -o FOLDER/ is a folder",
    Reason.ONE_FILE: "-o FOLDER/ is a folder",
    Reason.ONE_STREAM: "-o names a folder",
    Reason.NOT_RECURSIVE: "-r looks into its folders, too",
    Reason.NO_PRIOR: "--from-data DATA draws from the latents of pictures instead",
    Reason.NUL_SEPARATED: "-0 reads such lists",
    Reason.NO_CHECKSUM: "--sha256 takes the one that its publisher gives",
    Reason.MODEL_EXISTS: "choose another --name, or replace it with --overwrite",
    Reason.NO_DEFAULT: "-m names one",
    Reason.NOT_INSTALLED: "-m names its file",
    Reason.RUN_EXISTS: "go on with it by --resume, or start it afresh with --overwrite",
    Reason.NO_RUN: "start without --resume",
    Reason.NO_NCNN: "--engine torch does without; pip install ncnn adds it, where it has a wheel",
    Reason.NO_GRAPH: "--engine torch runs it",
    Reason.ONE_CLASS: "train without --classes",
}


def hint(error: AecliError) -> str | None:
    """One line that says what to do about an error; None where its message says it all."""
    return error.hint or (None if error.reason is None else CURES[error.reason])
