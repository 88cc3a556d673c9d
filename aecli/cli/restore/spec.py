"""What a command makes of pictures: what is known at once, and what its model does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aecli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aecli.device import Terms
    from aecli.images.image import Image
    from aecli.inference.engine import Areas

MOST_BYTES = 1 << 30
"""Results whose pixels take more than this are not made by mistake."""


@dataclass(frozen=True)
class RestoreSpec:
    """What a command makes of pictures, known before its model is loaded.

    Attributes:
        command: what comparisons are named after.
        tag: what it calls its results.
        model: name of the model that makes them.
        before: what comparisons call the picture at their left.
        tags: see `aecli.files.planning.Naming`.
        words: placeholders of templates besides `{model}`.
        size: width and height of a picture -> those of its result, or a UsageError; None: the same.
        huge: whether results may take more than `MOST_BYTES`.
    """

    command: str
    tag: str
    model: str
    before: str = "before"
    tags: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    size: Callable[[int, int], tuple[int, int]] | None = None
    huge: bool = True

    def size_of(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the result of a picture.

        Raises:
            UsageError: it has none.
        """
        return self.size(width, height) if self.size else (width, height)

    def check(self, name: str, width: int, height: int, pixel: int) -> None:
        """See that a result can be made.

        Args:
            name: what messages call the picture.
            width: its columns.
            height: its rows.
            pixel: bytes a pixel, all channels together.

        Raises:
            UsageError: it cannot.
        """
        try:
            columns, rows = self.size_of(width, height)
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}", error.hint) from None
        needed = columns * rows * pixel
        if needed > MOST_BYTES and not self.huge:
            raise UsageError(
                f"{name}: {columns}x{rows} pixels would take {needed / 2**30:.1f} GiB"
                f" ({needed:,} bytes)",
                "--yes makes them all the same",
            )


class Result(Protocol):
    """What becomes of one image.

    Attributes:
        image: the result.
        facts: what there is to say of it, by name.
    """

    @property
    def image(self) -> Image: ...  # noqa: D102
    @property
    def facts(self) -> Mapping[str, float | str]: ...  # noqa: D102


@dataclass(frozen=True)
class LoadedModel:
    """What a command does to one image.

    Attributes:
        name: the model's.
        runs_on: where and in what precision, and who chose that.
        engine: what computes, `ncnn` or `torch`.
        restore: called with an image, and as `progress` with what follows it: its result.
        baseline: what doing nothing gives, in the result's size.
    """

    name: str
    runs_on: Terms
    engine: str
    restore: Callable[..., Result]
    baseline: Callable[[Image], Image] = lambda image: image


class Load(Protocol):
    """Opens a model, None for the default, for pictures of so many pixels."""

    def __call__(self, model: str | None, areas: Areas) -> LoadedModel: ...  # noqa: D102
