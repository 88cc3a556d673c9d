"""What became of each image, for people and for programs."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aecli.cli import console, leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.files.inputs import LeftOut
    from aecli.inference.reference import Score


@dataclass(frozen=True)
class Record:
    """What became of one image.

    Attributes:
        source: the input, `-` for standard input.
        target: the result, `-` for standard output.
        status: how it ended.
        error: why it failed.
        width: of the result, in pixels.
        height: of the result, in pixels.
        model: name of the model.
        engine: what computed, `ncnn` or `torch`.
        seconds: the model's time.
        facts: what the command itself has to say, such as the noise level.
        score: likeness to the true image.
        compare: the picture of before and after.
        warnings: what the result's format could not hold.
    """

    source: str
    target: str
    status: Literal["done", "skipped", "failed", "planned"]
    error: str | None = None
    width: int | None = None
    height: int | None = None
    model: str | None = None
    engine: str | None = None
    seconds: float | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)
    score: Score | None = None
    compare: str | None = None
    warnings: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The input as messages call it."""
        return "standard input" if self.source == "-" else self.source

    def to_json(self) -> dict[str, Any]:
        """One flat object without what does not apply; an infinite PSNR is null."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        facts, score = values.pop("facts"), values.pop("score")
        present = {k: v for k, v in values.items() if v is not None and v != ()}
        scores = dataclasses.asdict(score) if score else {}
        said = {**facts, **scores}
        return present | {k: v if isinstance(v, str) else _rounded(v) for k, v in said.items()}

    def to_line(self) -> str:
        """One line for people."""
        target = "standard output" if self.target == "-" else self.target
        if self.status == "skipped":
            return f"{self.name}: skipped, {target} exists"
        parts = [
            f"{name} {value if isinstance(value, str) else format(value, '.3g')}"
            for name, value in self.facts.items()
        ]
        if self.score:
            s = self.score
            parts += [
                f"PSNR {s.psnr_before:.2f} -> {s.psnr:.2f} dB",
                f"SSIM {s.ssim_before:.4f} -> {s.ssim:.4f}",
            ]
        if self.seconds is not None:
            parts.append(f"{self.seconds:.1f} s")
        details = f" ({', '.join(parts)})" if parts else ""
        return f"{self.name} -> {target}{details}"


class Report:
    """Tells of each image as it comes and of all of them at the end.

    Failures and warnings are always told; `detailed` adds a line for every other image. `part` says
    which part of the work this is, where it is not all.
    """

    def __init__(self, *, json: bool, quiet: bool, detailed: bool, part: str = "") -> None:
        self._part = f"part {part}: " if part else ""
        self._json = json
        self._quiet = quiet
        self._detailed = detailed and not quiet
        self._records: list[Record] = []
        self._left_out = self._unseen = self._made = 0

    def add(self, record: Record, hint: str | None = None) -> None:
        """Tell of one image."""
        self._records.append(record)
        if self._json:
            console.record(record.to_json())
        for warning in record.warnings:
            console.warning(f"{record.name}: {warning}")
        if record.status == "failed":
            console.error(record.error or record.name, hint)
        elif self._detailed:
            console.say(record.to_line())

    def leave_out(self, items: Sequence[LeftOut]) -> None:
        """Tell of what the folders hold beside the images."""
        told = leftovers.tell(items, json=self._json, verbose=self._detailed)
        self._left_out, self._unseen = told
        self._made = sum(item.made for item in items)

    def interrupted(self, images: int, hint: str | None) -> None:
        """Tell how far it came, of so many images, and how to go on."""
        left = images - len(self._records)
        parts = [f"{n} {s}" for s in ("done", "skipped", "failed") if (n := self._count(s))]
        console.say(f"interrupted: {', '.join([*parts, f'{left} left'])}")
        if hint is not None and left:
            console.advise(hint)

    def finish(self, seconds: float) -> int:
        """Tell of all of them; returns the program's exit code."""
        counts = {s: self._count(s) for s in ("done", "skipped", "failed")}
        counts["failed"] += self._unseen
        counts["left out"] = self._left_out
        many = len(self._records) != 1 or self._left_out or self._part
        if not self._quiet and (many or not self._detailed):
            scores = [r.score for r in self._records if r.score]
            parts = [f"{n} {status}" for status, n in counts.items() if n] or ["nothing to do"]
            if self._made:
                parts[-1] += f" ({self._made} of an earlier run)"
            line = f"{self._part}{', '.join(parts)} in {seconds:.1f} s"
            if scores:
                before, after = (_mean([getattr(s, k) for s in scores]) for k in _PSNR)
                line += f"; mean PSNR {before:.2f} -> {after:.2f} dB"
                before, after = (_mean([getattr(s, k) for s in scores]) for k in _SSIM)
                line += f", SSIM {before:.4f} -> {after:.4f}"
            console.say(line)
        return self.code

    @property
    def code(self) -> int:
        """The program's exit code."""
        return 1 if self._unseen or self._count("failed") else 0

    def _count(self, status: str) -> int:
        return sum(record.status == status for record in self._records)


_PSNR = ("psnr_before", "psnr")
_SSIM = ("ssim_before", "ssim")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
