"""What became of each image, for people and for programs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aecli.cli import console
from aecli.cli.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.inference.reference import Score


@dataclass(frozen=True)
class Made:
    """What one model made of an image.

    Attributes:
        name: the model's.
        engine: what computed, `ncnn` or `torch`.
        width: of the result, in pixels.
        height: of the result, in pixels.
        seconds: the model's time.
        facts: what the command itself has to say, such as the noise level.
        score: likeness to the true image.
    """

    name: str
    engine: str
    width: int
    height: int
    seconds: float
    facts: Mapping[str, float | str]
    score: Score | None = None

    @property
    def called(self) -> str:
        """The model that it was in the end: the default leaves some images to another."""
        return str(self.facts.get("model", self.name))

    def to_json(self) -> dict[str, Any]:
        """One flat object without what does not apply."""
        values = {"model": self.name, "engine": self.engine, "seconds": self.seconds}
        return {**values, **self.facts, **(dataclasses.asdict(self.score) if self.score else {})}

    def to_words(self) -> list[str]:
        """What there is to say of it, for people."""
        words = [
            f"{name} {value if isinstance(value, str) else format(value, '.3g')}"
            for name, value in self.facts.items()
        ]
        if s := self.score:
            words.append(f"PSNR {s.psnr_before:.2f} -> {s.psnr:.2f} dB")
            words.append(f"SSIM {s.ssim_before:.4f} -> {s.ssim:.4f}")
        return [*words, f"{self.seconds:.1f} s"]


@dataclass(frozen=True)
class Record:
    """What became of one image.

    Attributes:
        source: the input, `-` for standard input.
        target: the result, `-` for standard output.
        status: how it ended.
        made: what each model made; the first, the result.
        compare: the picture of before and after.
        warnings: what the result's format could not hold.
    """

    source: str
    target: str
    status: Literal["done", "skipped", "planned"]
    made: Sequence[Made] = ()
    compare: str | None = None
    warnings: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The input as messages call it."""
        return "standard input" if self.source == "-" else self.source

    def to_json(self) -> dict[str, Any]:
        """One flat object without what does not apply; of several models, `models` has each."""
        values: dict[str, Any] = {k: getattr(self, k) for k in ("source", "target", "status")}
        if self.made:
            first = self.made[0]
            values |= {"width": first.width, "height": first.height, **first.to_json()}
        if self.compare is not None:
            values["compare"] = self.compare
        if len(self.made) > 1:
            values["models"] = [each.to_json() for each in self.made]
        return values | ({"warnings": self.warnings} if self.warnings else {})

    def to_line(self) -> str:
        """One line for people."""
        target = "standard output" if self.target == "-" else self.target
        if self.status == "skipped":
            return f"{self.name}: skipped, {target} exists"
        parts = [", ".join(each.to_words()) for each in self.made]
        if len(parts) > 1:
            named = zip(self.made, parts, strict=True)
            parts = [f"{each.called}: {words}" for each, words in named]
        details = f" ({'; '.join(parts)})" if parts else ""
        return f"{self.name} -> {target}{details}"


class RestoreReport(Report):
    """Tells of each image as it comes and of all of them at the end.

    Args:
        json, quiet: see `Report`.
        detailed: a line for every image.
        part: which part of the work this is, where it is not all.
    """

    def __init__(self, *, json: bool, quiet: bool, detailed: bool, part: str = "") -> None:
        super().__init__(json=json, quiet=quiet, verbose=detailed and not quiet)
        self._part = f"part {part}: " if part else ""
        self._scores: dict[str, list[Score]] = {}

    def add(self, record: Record) -> None:
        """Tell of one image that did not fail."""
        self._counts[record.status] += 1
        self.record(record.to_json())
        for made in record.made:
            if made.score is not None:
                self._scores.setdefault(made.name, []).append(made.score)
        for warning in record.warnings:
            console.warning(f"{record.name}: {warning}")
        if self._verbose:
            console.say(record.to_line())

    def interrupted(self, images: int, hint: str | None) -> None:
        """Tell how far it came, of so many images, and how to go on."""
        left = images - self._told
        parts = self.tally("done", "skipped", "failed")
        console.say(f"interrupted: {', '.join([*parts, f'{left} left'])}")
        if hint is not None and left:
            console.advise(hint)

    def finish(self, seconds: float) -> int:
        """Tell of all of them; returns the program's exit code."""
        many = self._told != 1 or self._counts["left out"] or self._part
        if not self._verbose or many:
            self._counts["failed"] += self._counts["unseen"]
            parts = self.tally("done", "skipped", "failed", "left out") or ["nothing to do"]
            if made := self._counts["made"]:
                parts[-1] += f" ({made} of an earlier run)"
            line = f"{self._part}{', '.join(parts)} in {seconds:.1f} s"
            for name, scores in self._scores.items():
                before, after = (_mean([getattr(s, k) for s in scores]) for k in _PSNR)
                line += f"; {name}: " if len(self._scores) > 1 else "; "
                line += f"mean PSNR {before:.2f} -> {after:.2f} dB"
                before, after = (_mean([getattr(s, k) for s in scores]) for k in _SSIM)
                line += f", SSIM {before:.4f} -> {after:.4f}"
            self.say(line)
        return self.code

    @property
    def _told(self) -> int:
        """Images that are done with."""
        return sum(self._counts[status] for status in ("done", "skipped", "failed", "planned"))


_PSNR = ("psnr_before", "psnr")
_SSIM = ("ssim_before", "ssim")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
