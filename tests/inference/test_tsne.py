from __future__ import annotations

import numpy as np
import pytest

from aecli.inference import projection, tsne
from aecli.inference.neighbours import neighbours
from tests.benchmarks.maps import quality

RNG = np.random.default_rng(0)


def groups(count: int, each: int) -> np.ndarray:
    """So many clouds about the corners of a simplex: no plane shows them all."""
    noise = RNG.normal(scale=0.2, size=(count * each, count))
    return (np.eye(count).repeat(each, axis=0) + noise).astype(np.float32)


@pytest.mark.parametrize("width", [1, 512])
def test_neighbours_are_those_of_all_distances(width: int, monkeypatch) -> None:
    monkeypatch.setattr("aecli.inference.neighbours._BLOCK", width)
    values = RNG.normal(size=(30, 4)).astype(np.float32)
    squares = np.square(values[:, None] - values).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    rows, found = neighbours(values, 5)
    assert np.array_equal(np.sort(rows), np.sort(squares.argsort(axis=1)[:, :5]))
    assert np.sort(found) == pytest.approx(np.sort(squares)[:, :5], abs=1e-5)


@pytest.mark.parametrize(
    ("count", "extent", "near"), [(300, 5, 0.02), (1000, 12, 0.02), (1000, 70, 0.3)]
)
def test_the_grid_repels_as_the_points_do(count: int, extent: float, near: float) -> None:
    points = RNG.normal(scale=extent, size=(count, 2))
    gaps = points[:, None] - points
    each = 1 / (1 + np.square(gaps).sum(axis=2))
    slope = -2 * (np.square(each)[..., None] * gaps).sum(axis=1)
    got, total = tsne._repulsion(points)
    assert total == pytest.approx(each.sum() - count, rel=near)
    assert np.abs(got - slope).max() < near * np.abs(slope).max()


def test_neighbourhoods_have_the_perplexity() -> None:
    _, squares = neighbours(RNG.normal(size=(50, 8)).astype(np.float32), 30)
    squares[0] = 0
    squares[1] *= 1e6
    shares = tsne._affinities(squares, 10)
    assert shares.sum(axis=1) == pytest.approx(np.ones(50))
    entropy = -(shares * np.log(shares + 1e-12)).sum(axis=1)
    assert np.exp(entropy[1:]) == pytest.approx(np.full(49, 10), rel=1e-3)
    assert shares[0] == pytest.approx(np.full(30, 1 / 30))


def test_groups_that_no_plane_shows_are_apart() -> None:
    values = groups(8, 25)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    steps = []
    layout = projection.project(values, "tsne", lambda: steps.append(1))
    assert (layout.title, layout.axes, len(steps)) == ("t-SNE", None, tsne.STEPS)
    points = layout.points
    assert np.array_equal(points, projection.project(values, "tsne").points)
    middles = points.reshape(8, 25, 2).mean(axis=1)
    to_middles = np.linalg.norm(points[:, None] - middles, axis=2)
    assert (to_middles.argmin(axis=1) == np.arange(8).repeat(25)).mean() > 0.98
    by_pca = projection.project(values, "pca").points
    for better, worse in zip(quality(unit, points), quality(unit, by_pca), strict=True):
        assert better > worse + 0.1


@pytest.mark.parametrize(
    "values",
    [
        np.ones((6, 3)),
        np.zeros((9, 4)),
        np.arange(40)[:, None] * [1.0, 0, 0] + [0, 1, 0],
        np.eye(5),
        np.eye(3).repeat(20, axis=0),
        np.concatenate([RNG.normal(size=(60, 3)), [[1e6, 0, 0]]]),
    ],
    ids=["equal", "zero", "line", "five", "copies", "outlier"],
)
def test_whatever_the_vectors_are_there_is_a_map(values: np.ndarray) -> None:
    points = projection.project(values.astype(np.float32), "tsne").points
    assert points.shape == (len(values), 2)
    assert np.isfinite(points).all()
    assert np.abs(points).max() < 1000


@pytest.mark.parametrize("count", [12, 60, 200])
def test_vectors_without_groups_do_not_fall_together(count: int) -> None:
    values = RNG.normal(size=(count, 30)).astype(np.float32)
    points = projection.project(values, "tsne").points
    gaps = np.linalg.norm(points[:, None] - points, axis=2)
    assert 0.2 < np.median(gaps) < 40
    assert np.sort(gaps, axis=1)[:, 1].min() > 0.01


def test_so_many_take_another_way_unless_told() -> None:
    assert projection.usual(projection.MOST) == "tsne"
    assert projection.usual(projection.MOST + 1) == "pca"


def test_the_measures_are_as_they_are_defined() -> None:
    vectors, points = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 2))
    assert quality(vectors, 3 * vectors, 4) == (1, 1)
    trust, kept = quality(vectors, points, 4)
    penalty = same = 0
    for row in range(20):
        there, here = (
            np.linalg.norm(x - x[row], axis=1).argsort().tolist() for x in (vectors, points)
        )
        penalty += sum(max(0, there.index(other) - 4) for other in here[1:5])
        same += len({*there[1:5]} & {*here[1:5]})
    assert trust == pytest.approx(1 - 2 / (20 * 4 * (40 - 12 - 1)) * penalty)
    assert kept == same / 80
