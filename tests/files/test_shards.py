"""Parts of the work: together everything, and nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.files.shards import Shard


@given(st.lists(st.integers()), st.integers(1, 20))
def test_parts_make_the_whole_and_differ_by_one_at_most(items: list[int], count: int) -> None:
    parts = [Shard(number + 1, count).of(items) for number in range(count)]
    numbered = [Shard(number + 1, count).of(range(len(items))) for number in range(count)]
    assert sorted(i for part in numbered for i in part) == list(range(len(items)))
    assert sorted(v for part in parts for v in part) == sorted(items)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "1", "1/", "/2", "0/2", "3/2", "-1/2", "1/2/3", "a/b", "1/0"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"part|I/N"):
        Shard.parse(text)


def test_parts_are_written_as_they_are_read() -> None:
    assert str(Shard.parse("2/5")) == "2/5"


def test_torchrun_gives_every_rank_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert Shard.of_rank() == Shard(1, 1)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert Shard.of_rank() == Shard(3, 4)
