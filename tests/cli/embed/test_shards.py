"""`--shard I/N` and `--merge`: vectors made in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.inference import vectors as npz

from .spots import ALL

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def test_parts_joined_are_the_whole(embed) -> None:
    assert embed("in", "-o", "whole.npz").code == 0
    for number in range(1, 6):  # the last part has nothing to do
        assert embed("in", "-o", f"{number}.npz", "--shard", f"{number}/5").code == 0
    result = embed("--merge", *(f"{number}.npz" for number in range(1, 6)), "-o", "all.npz")
    assert result.code == 0
    whole, parts = npz.load(Path("whole.npz")), npz.load(Path("all.npz"))
    assert parts.paths.tolist() == ALL
    assert np.allclose(parts.values, whole.values, atol=1e-6)
    assert np.array_equal(parts.digests, whole.digests)


def test_a_picture_in_several_parts_counts_once(embed) -> None:
    embed("in", "-o", "a.npz")
    embed("in", "-o", "b.npz")
    assert embed("--merge", "a.npz", "b.npz", "-o", "all.npz").code == 0
    assert npz.load(Path("all.npz")).paths.tolist() == ALL


def test_joined_vectors_can_be_searched_at_once(embed) -> None:
    embed("in", "-o", "a.npz", "--shard", "1/2")
    embed("in", "-o", "b.npz", "--shard", "2/2")
    result = embed("--merge", "a.npz", "b.npz", "--nearest", ALL[0], "-k", "1")
    assert result.code == 0
    assert len(result.lines) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--merge", "-o", "all.npz"],
        ["--merge", "a.npz", "--index", "b.npz", "-o", "all.npz"],
        ["--merge", "a.npz", "--shard", "1/2", "-o", "all.npz"],
        ["--merge", "a.npz", "--update", "-o", "all.npz"],
    ],
)
def test_wishes_that_do_not_go_together_are_refused(embed, arguments) -> None:
    assert embed(*arguments).code == 2


def test_what_is_no_file_of_vectors_is_refused(embed) -> None:
    result = embed("--merge", ALL[0], "-o", "all.npz")
    assert result.code == 1
    assert "is no file of vectors" in result.err
