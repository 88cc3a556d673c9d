"""What `aecli embed` says of its work: to people, and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.checkpoints.novelty import UNUSUAL
from aecli.cli import console, novelty
from aecli.cli.report import Report

if TYPE_CHECKING:
    from aecli.cli.embed.request import EmbedRequest
    from aecli.inference.comparison import Comparison
    from aecli.inference.copies import Group
    from aecli.inference.embed import Embedder, Entry


class EmbedReport(Report):
    """Tells of what is embedded, and of what came of it."""

    def __init__(self, request: EmbedRequest) -> None:
        super().__init__(json=request.json, quiet=request.quiet, verbose=request.verbose)
        self._request = request
        self._files = request.output is not None
        self._unusual: list[str] = []
        self._model = self._engine = ""

    def opened(self, embedder: Embedder) -> None:
        """The model is loaded."""
        self._model, self._engine = embedder.name, embedder.choice.name
        terms = embedder.choice.reason.without("fp32")  # as vectors always are
        self.runs_on(embedder.name, terms)

    def add(self, entry: Entry) -> None:
        """An input is done with."""
        name = entry.item.name
        if entry.error is not None:
            self.fail(name, entry.error, source=name)
            return
        status = "known" if entry.vector is None else "embedded"
        self._counts[status] += 1
        self.unusual(name, entry.novelty)
        if self._files:
            said = "done" if status == "embedded" else status
            facts = {"source": name, "status": said, "novelty": entry.novelty}
            self.record(facts | {"engine": self._engine})

    def unusual(self, name: str, percentile: float) -> None:
        """Note a picture that is unlike the training data, if it is."""
        if percentile > UNUSUAL:
            self._unusual.append(name)

    def interrupted(self, left: int, *, kept: bool) -> None:
        """Tell how far it came, whether that was written, and how to go on."""
        done = self._counts["embedded"] + self._counts["known"]
        parts = [f"{done} embedded", *self.tally("failed"), f"{left} left"]
        where = f"what is done -> {self._request.output}" if kept else "nothing was written"
        console.say(f"interrupted: {', '.join(parts)}; {where}")
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
        output = self._request.output
        where = "standard output" if output == "-" else output
        self.say(f"{self._counted()}; {rows} vectors -> {where}")

    def used(self) -> None:
        """The vectors are there, and are not written."""
        self.say(self._counted())

    def _counted(self) -> str:
        """What became of the inputs."""
        self._counts["failed"] += self._counts.pop("unseen", 0)
        made = f"{self._counts['embedded']} embedded"
        return ", ".join([made, *self.tally("known", "failed", "left out")])

    def drawn(self, pictures: int) -> None:
        """The map is written."""
        self.say(f"{pictures} pictures -> {self._request.plot}")

    def neighbours(self, query: str, found: list[tuple[str, float]]) -> None:
        """The pictures nearest to a query: data, so on stdout."""
        for rank, (path, score) in enumerate(found, 1):
            if self._request.json:
                self.record({"query": query, "rank": rank, "path": path, "score": score})
            elif self._request.null:
                console.raw(f"{path}\0")
            else:
                console.line(f"{score:.4f}\t{console.printable(path)}")

    def duplicates(self, groups: list[Group], threshold: float) -> None:
        """Groups of near-duplicates, best copies first: data, so on stdout."""
        for number, group in enumerate(groups):
            if self._request.json:
                facts = {"best": group.paths[0], "others": group.paths[1:]}
                self.record({**facts, "mirrored": group.mirrored, "threshold": threshold})
            elif self._request.null:
                console.raw("".join(f"{path}\0" for path in group.paths[1:]))
            else:
                if number:
                    console.line("")
                for path in group.paths:
                    mark = "\tmirrored" if path in group.mirrored else ""
                    console.line(f"{console.printable(path)}{mark}")
        copies = sum(len(group.paths) - 1 for group in groups)
        many = "group" if len(groups) == 1 else "groups"
        more = "copy" if copies == 1 else "copies"
        self.say(
            f"{len(groups)} {many} of near-duplicates, {copies} {more} beside the best"
            f" (cosine at least {threshold:g})"
        )

    def compared(self, figures: Comparison, rows: int, folders: int) -> None:
        """Latents beside principal components: data, so on stdout."""
        if self._request.json:
            facts = {
                "pictures": figures.pictures,
                "components": figures.components,
                "psnr": figures.psnr,
                "psnr_pca": figures.psnr_pca,
                "accuracy": figures.accuracy,
                "accuracy_pca": figures.accuracy_pca,
                "chance": figures.chance,
                "folders": folders,
            }
            self.record({"model": self._model, **facts})
            return
        table = [("PSNR dB", _text(figures.psnr, 2), _text(figures.psnr_pca, 2))]
        if figures.accuracy is not None:
            name = f"5-NN accuracy, {folders} classes"
            table.append((name, _text(figures.accuracy, 3), _text(figures.accuracy_pca, 3)))
            table.append(("largest class", _text(figures.chance, 3), _text(figures.chance, 3)))
        console.table(("", self._model, f"PCA-{figures.components}"), table)
        some = f"{figures.pictures} of {rows}" if figures.pictures < rows else f"{rows}"
        self.say(
            f"{some} pictures; each is reconstructed by the PCA of others, and classified by"
            " the others"
        )


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
