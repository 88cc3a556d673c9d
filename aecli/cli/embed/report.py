"""What `aecli embed` says of its work: to people, and to programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aecli.checkpoints.novelty import UNUSUAL
from aecli.cli import console, leftovers, novelty
from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.cli.embed.request import EmbedRequest
    from aecli.files.inputs import LeftOut
    from aecli.inference.comparison import Comparison
    from aecli.inference.copies import Group
    from aecli.inference.embed import Embedder, Entry


class Report:
    """Tells of what is embedded, and of what came of it."""

    def __init__(self, request: EmbedRequest) -> None:
        self._request = request
        self._files = request.output is not None and request.json
        self._made = self._known = self._failed = self._left_out = 0
        self._unusual: list[str] = []
        self._model = ""

    @property
    def code(self) -> int:
        """The program's exit code."""
        return 1 if self._failed else 0

    def opened(self, embedder: Embedder) -> None:
        """The model is loaded."""
        self._model = embedder.name
        if not self._request.quiet:
            console.chosen(embedder.name, embedder.runs_on)

    def leave_out(self, items: Sequence[LeftOut]) -> None:
        """Tell of what the folders hold beside the inputs."""
        request = self._request
        told = leftovers.tell(items, json=request.json, verbose=request.verbose)
        self._left_out, failed = told
        self._failed += failed

    def add(self, entry: Entry) -> None:
        """An input is done with."""
        name, error = entry.source.name, entry.error
        if error is not None:
            self._failed += 1
            message = error.message if isinstance(error, AecliError) else f"{name}: {error}"
            console.error(message, error.hint if isinstance(error, AecliError) else None)
            if self._request.json:
                console.record({"source": name, "status": "failed", "error": message})
            return
        if entry.vector is None:
            self._known += 1
        else:
            self._made += 1
            self.unusual(name, entry.novelty)
        if self._files:
            facts = {"source": name, "status": "known" if entry.vector is None else "done"}
            console.record(facts | {"novelty": _finite(entry.novelty)})

    def unusual(self, name: str, percentile: float) -> None:
        """Note a picture that is unlike the training data, if it is."""
        if percentile > UNUSUAL:
            self._unusual.append(name)

    def interrupted(self, left: int, *, kept: bool) -> None:
        """Tell how far it came, whether that was written, and how to go on."""
        done = self._made + self._known
        failed = f", {self._failed} failed" if self._failed else ""
        where = f"what is done -> {self._request.output}" if kept else "nothing was written"
        console.say(f"interrupted: {done} embedded{failed}, {left} left; {where}")
        if kept:
            console.advise("the same command with --update goes on")
        else:
            console.advise("the same command begins again; -o NEW.npz keeps what is done")

    def embedded(self) -> None:
        """All inputs are done with: warn of those that the model may not suit."""
        novelty.warn(self._unusual, self._model, UNUSUAL)
        self._unusual.clear()

    def kept(self, rows: int) -> None:
        """The vectors are written."""
        if not self._request.quiet and self._request.output is not None:
            known = f", {self._known} known" if self._known else ""
            failed = f", {self._failed} failed" if self._failed else ""
            left = f", {self._left_out} left out" if self._left_out else ""
            where = "standard output" if self._request.output == "-" else self._request.output
            console.say(f"{self._made} embedded{known}{failed}{left}; {rows} vectors -> {where}")

    def drawn(self, pictures: int) -> None:
        """The map is written."""
        if not self._request.quiet:
            console.say(f"{pictures} pictures -> {self._request.plot}")

    def neighbours(self, query: str, found: list[tuple[str, float]]) -> None:
        """The pictures nearest to a query: data, so on stdout."""
        for rank, (path, score) in enumerate(found, 1):
            if self._request.json:
                facts = {"query": query, "rank": rank, "path": path, "score": round(score, 6)}
                console.record(facts)
            elif self._request.null:
                console.raw(f"{path}\0")
            else:
                console.line(f"{score:.4f}\t{console.printable(path)}")

    def duplicates(self, groups: list[Group], threshold: float) -> None:
        """Groups of near-duplicates, best copies first: data, so on stdout."""
        for number, group in enumerate(groups):
            if self._request.json:
                facts = {"best": group.paths[0], "others": group.paths[1:]}
                console.record(facts | {"mirrored": group.mirrored, "threshold": threshold})
            elif self._request.null:
                console.raw("".join(f"{path}\0" for path in group.paths[1:]))
            else:
                if number:
                    console.line("")
                for path in group.paths:
                    mark = "\tmirrored" if path in group.mirrored else ""
                    console.line(f"{console.printable(path)}{mark}")
        if not self._request.quiet:
            copies = sum(len(group.paths) - 1 for group in groups)
            many = "group" if len(groups) == 1 else "groups"
            more = "copy" if copies == 1 else "copies"
            console.say(
                f"{len(groups)} {many} of near-duplicates, {copies} {more} beside the best"
                f" (cosine at least {threshold:g})"
            )

    def compared(self, figures: Comparison, rows: int, folders: int) -> None:
        """Latents beside principal components: data, so on stdout."""
        if self._request.json:
            facts = {
                "pictures": figures.pictures,
                "components": figures.components,
                "psnr": _finite(figures.psnr),
                "psnr_pca": _finite(figures.psnr_pca),
                "accuracy": figures.accuracy,
                "accuracy_pca": figures.accuracy_pca,
                "chance": figures.chance,
                "folders": folders,
            }
            console.record({"model": self._model} | facts)
            return
        table = [("PSNR dB", _text(figures.psnr, 2), _text(figures.psnr_pca, 2))]
        if figures.accuracy is not None:
            name = f"5-NN accuracy, {folders} folders"
            table.append((name, _text(figures.accuracy, 3), _text(figures.accuracy_pca, 3)))
            table.append(("largest folder", _text(figures.chance, 3), _text(figures.chance, 3)))
        console.table(("", self._model, f"PCA-{figures.components}"), table)
        if not self._request.quiet:
            some = f"{figures.pictures} of {rows}" if figures.pictures < rows else f"{rows}"
            console.say(
                f"{some} pictures; each is reconstructed by the PCA of others, and classified by"
                " the others"
            )


def _finite(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
