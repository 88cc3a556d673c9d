from __future__ import annotations

import numpy as np
import pytest

from aecli.checkpoints.format import Meta
from aecli.inference import search

RNG = np.random.default_rng(1)


def cosines(values: np.ndarray, query: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(query)
    return values @ query / np.where(lengths > 0, lengths, 1)


@pytest.mark.parametrize("block", [8, 100, 1 << 22])
def test_nearest_are_those_of_the_largest_cosine(monkeypatch, block: int) -> None:
    monkeypatch.setattr(search, "_BLOCK", block)
    values = RNG.normal(size=(101, 4)).astype(np.float32)
    values[50] = 0
    query = RNG.normal(size=4).astype(np.float32)
    rows, scores = search.nearest(values, query, 7)
    expected = cosines(values, query)
    assert rows.tolist() == np.argsort(-expected)[:7].tolist()
    assert np.allclose(scores, expected[rows], atol=1e-6)


def test_fewer_rows_than_wanted_and_rows_that_are_equal() -> None:
    values = np.ones((3, 2), np.float32)
    rows, scores = search.nearest(values, np.ones(2, np.float32), 5)
    assert rows.tolist() == [0, 1, 2]
    assert np.allclose(scores, 1)
    assert search.nearest(values[:0], np.ones(2, np.float32), 5)[0].tolist() == []


@pytest.mark.parametrize("block", [1, 60, 1 << 22])
def test_every_duplicate_is_like_the_one_that_is_kept(monkeypatch, block: int) -> None:
    monkeypatch.setattr(search, "_BLOCK", block)
    angles = np.radians([0, 90, 5, 180, 10, 93, 270, 15])
    values = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32) * 3
    threshold = float(np.cos(np.radians(6)))
    assert search.duplicates(values, threshold) == [[0, 2], [1, 5], [4, 7]]
    ranks = [2, 4, 0, 5, 7, 1]
    kept = search.duplicates(values, threshold, lambda rows: sorted(rows, key=ranks.index))
    assert kept == [[2, 4, 0], [5, 1]]
    assert search.duplicates(values[[6, 3]], threshold) == []
    assert search.duplicates(values[:0], threshold) == []


def test_many_equal_rows_are_one_group() -> None:
    values = np.ones((500, 3), np.float32)
    assert search.duplicates(values, 0.99) == [list(range(500))]


def test_a_model_names_its_threshold() -> None:
    def meta(training: dict[str, object]) -> Meta:
        return Meta("a", {}, "embed", "t", training)

    assert search.threshold_of(meta({})) == search.THRESHOLD
    assert search.threshold_of(meta({"duplicates": {"threshold": 0.8}})) == 0.8
