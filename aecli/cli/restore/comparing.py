"""`--compare`: the picture of before and after, by one model or by several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.errors import UsageError
from aecli.files import places
from aecli.images.sizing import TAGS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aecli.cli.restore.plan import Task
    from aecli.cli.restore.report import Made
    from aecli.cli.restore.request import RestoreRequest
    from aecli.cli.restore.spec import RestoreSpec
    from aecli.files.planning import Job
    from aecli.images.image import Image

NAMES = rf"(denoise|upscale_({TAGS}))_compare|compare"
"""A regular expression of what follows the input's name in that of a comparison; at last, of the
first versions'."""


def check_models(request: RestoreRequest) -> None:
    """Refuse several models where one is wanted.

    Raises:
        UsageError: there are several without a comparison, or one twice.
    """
    models = request.models
    if len(models) > 1 and not request.compare:
        raise UsageError(
            f"{len(models)} models, but one result an image",
            "--compare puts them side by side, and makes the result by the first",
        )
    twice = next((name for name in models if models.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"-m {twice} is named twice")


def target(job: Job, spec: RestoreSpec) -> Path:
    """Where the comparison goes: beside the result, and named like it.

    Raises:
        UsageError: that goes to standard output.
    """
    if job.target is None:
        raise UsageError(
            "--compare writes beside the result, which has no file here", "use -o FILE"
        )
    stem = job.target.stem.removesuffix(f"_{spec.tag}")
    return job.target.with_name(f"{stem}_{spec.command}_compare.png")


def check(tasks: Sequence[Task], *, overwrite: bool) -> None:
    """Comparisons collide neither with each other nor with results, inputs or existing files.

    Raises:
        UsageError: one of them does.
    """
    comparisons = [(f"the comparison of {t.source}", t.compare) for t in tasks if t.compare]
    if comparisons:
        places.check(
            comparisons,
            kept=[(t.source, t.job.target) for t in tasks if t.job.target],
            inputs=[t.job.source.path for t in tasks if t.job.source.path],
            overwrite=overwrite,
            make_folders=True,
        )


def picture(images: Sequence[Image], name: str, made: Sequence[Made], background: str) -> Image:
    """Before, and what each model made of it.

    Args:
        images: before, and after by each model.
        name: what the first is.
        made: what there is to say of the others: their models' names stand above, and PSNR where it
            is known.
        background: what shows through where pictures are transparent, as CSS names it.
    """
    from aecli.figures.lettering import short
    from aecli.figures.panels import panels
    from aecli.images.writing import flatten

    plain = [flatten(image, background) for image in images]
    labels = [name, *(f"after: {short(each.called)}" for each in made)]
    scores = [each.score for each in made]
    if scores[0] is not None:
        levels = [scores[0].psnr_before, *(score.psnr for score in scores if score)]
        labels = [f"{label}, {db:.2f} dB" for label, db in zip(labels, levels, strict=True)]
    return plain[0].with_pixels(panels([image.pixels for image in plain], labels))
