"""How good a model of melodies is, beside melodies that people wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aecli.checkpoints import store
from aecli.datasets.collecting import collect
from aecli.inference.latents import between
from aecli.inference.sample import Sampler

SAMPLES = 1000
PAIRS = 100
NEAR = 4

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "natural minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
}
MEMBERS = np.array(
    [[(c - key) % 12 in scale for c in range(12)] for scale in SCALES.values() for key in range(12)]
)
"""Which pitch classes belong to each scale, (48, 12)."""


def music(folders: Sequence[Path]) -> list[list[str]]:
    """Music: melodies held out, and samples beside them; their folder, and that of the training."""
    held_out, training = (_rolls(folder) for folder in folders)
    found = store.find("generate", "melodies")
    sampler = Sampler.open(found, device="cpu", precision="fp32")
    samples = np.concatenate([b.pictures for b in sampler.samples(SAMPLES, seed=0)])
    known = _cells(training)
    rows = [["", "held out", "samples"]]
    measures = {
        "two bars": lambda rolls: f"{len(rolls):,}",
        "notes": lambda rolls: f"{_struck(rolls).sum() / len(rolls):.2f}",
        "range, semitones": lambda rolls: f"{_ranges(rolls).mean():.2f}",
        "nine of ten notes in one scale": lambda rolls: f"{_in_scale(rolls).mean():.1%}",
        f"within {NEAR} cells of a training melody": lambda rolls: (
            f"{(_nearest(rolls, known) <= NEAR).mean():.1%}"
        ),
    }
    rows += [[name, measure(held_out), measure(samples)] for name, measure in measures.items()]
    again = sampler.decode(sampler.encode(held_out, None), None)
    neighbours, others = _steps(sampler, held_out)
    return [
        *rows,
        ["F1 of the notes when reconstructed", f"{_f1(held_out, again):.3f}", ""],
        ["cells between neighbours on the way from one to another", f"{neighbours:.1f}", ""],
        ["cells between two of them by chance", f"{others:.1f}", ""],
    ]


def _rolls(folder: Path) -> Any:
    """All rolls of a folder's tunes, (N, 64, 64)."""
    return np.stack([item.image().pixels for item in collect([str(folder)])])


def _sounding(rolls: Any) -> Any:
    return rolls[:, :, 1::2] > 127


def _struck(rolls: Any) -> Any:
    """Where notes begin: (N, 64, 32)."""
    return _sounding(rolls) & (rolls[:, :, ::2] <= 127)


def _cells(rolls: Any) -> Any:
    """The cells that sound, as rows of numbers, (N, 2048)."""
    return _sounding(rolls).reshape(len(rolls), -1).astype(np.float32)


def _ranges(rolls: Any) -> Any:
    """Semitones between the lowest and the highest note of each that has any."""
    rows = [np.flatnonzero(roll.any(1)) for roll in _struck(rolls)]
    return np.array([row[-1] - row[0] for row in rows if len(row)])


def _in_scale(rolls: Any) -> Any:
    """Of each that has notes, whether nine of ten are of one scale."""
    notes = _struck(rolls).sum(2)
    classes = np.zeros((len(rolls), 12))
    for row in range(notes.shape[1]):
        classes[:, -row % 12] += notes[:, row]  # which is C does not matter
    classes = classes[classes.any(1)]
    return (classes @ MEMBERS.T).max(1) >= 0.9 * classes.sum(1)


def _nearest(rolls: Any, known: Any) -> Any:
    """Cells in which each differs from the likest of those known."""
    cells, counts = _cells(rolls), known.sum(1)
    least = np.full(len(rolls), np.inf)
    for start in range(0, len(known), 4096):
        part = slice(start, start + 4096)
        least = np.minimum(least, (counts[part] - 2 * cells @ known[part].T).min(1))
    return least + cells.sum(1)


def _f1(reference: Any, output: Any) -> float:
    """F1 of notes: right is one of the same pitch that is struck at the same sixteenth."""
    a, b = _struck(reference), _struck(output)
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def _steps(sampler: Sampler, rolls: Any) -> tuple[float, float]:
    """Mean number of cells between neighbours on ways of 10 rolls, and between rolls by chance."""
    order = np.random.default_rng(0).permutation(len(rolls))[: 2 * PAIRS]
    ends = sampler.encode(rolls[order], None).reshape(-1, 2, *sampler.latent)
    ways = [_cells(sampler.decode(between(a, b, 10), None)) for a, b in ends]
    neighbours = np.mean([np.abs(np.diff(way, axis=0)).sum(1).mean() for way in ways])
    chance = _cells(rolls[order])
    return float(neighbours), float(np.abs(chance[::2] - chance[1::2]).sum(1).mean())
