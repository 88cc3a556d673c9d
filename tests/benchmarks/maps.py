"""How much of the neighbourhoods among vectors their maps keep."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aecli.cli.app import run
from aecli.errors import UsageError
from aecli.inference import comparison, projection, vectors

K = 10
"""Neighbours that are looked at."""

MOST = 5000
"""Pictures that are mapped: the first, where there are more."""


def maps(sources: Sequence[Path]) -> list[list[str]]:
    """Maps of photographs (folders) and digits (files): trust, neighbours kept, 5-NN accuracy."""
    rows = [[""], *([f"`--projection {method}`"] for method in projection.METHODS)]
    for source in sources:
        found = _vectors(source)
        values, labels = found.values[:MOST], np.unique(found.labels[:MOST], return_inverse=True)[1]
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        rows[0].append(f"{len(values):,} {'photographs' if source.is_dir() else 'digits'}")
        for row, method in zip(rows[1:], projection.METHODS, strict=True):
            try:
                points = projection.project(values, method).points
            except UsageError:  # not installed
                row.append("")
                continue
            row.append(" / ".join(f"{share:.3f}" for share in quality(unit, points)))
            if not source.is_dir():
                row[-1] += f" / {comparison.accuracy(points, labels):.3f}"
    return rows


def quality(vectors: np.ndarray, points: np.ndarray, k: int = K) -> tuple[float, float]:
    """Trustworthiness (Venna & Kaski 2001), and the share of the k nearest that stay so.

    The first is 1 less a penalty for each of a point's k nearest on the map that is none among the
    vectors: how far beyond k its rank is there.
    """
    count = len(vectors)
    order = _order(vectors)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(count)[None], axis=1)
    near = np.take_along_axis(ranks, _order(points)[:, 1 : k + 1], axis=1)
    penalty = np.maximum(near - k, 0).sum() * 2 / (count * k * (2 * count - 3 * k - 1))
    return float(1 - penalty), float((near <= k).mean())


def _order(values: np.ndarray) -> np.ndarray:
    """For each row all rows by their distance, itself first, (N, N)."""
    exact = values.astype(np.float64)
    lengths = np.square(exact).sum(axis=1)
    distances = lengths[:, None] + lengths - 2 * exact @ exact.T
    np.fill_diagonal(distances, -1)
    return distances.argsort(axis=1, kind="stable")


def _vectors(source: Path) -> vectors.Vectors:
    """What `aecli embed` makes of a source: of files as digits, of folders as photographs."""
    model = "photo" if source.is_dir() else "mnist"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "z.npz")
        if run(["embed", str(source), "-m", model, "-o", str(target), "-q"]) == 2:
            raise SystemExit(f"{source}: no vectors")
        return vectors.load(target)
