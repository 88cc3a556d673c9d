"""`--shard I/N`: each part of the work is done once, whichever is done first."""

from __future__ import annotations

import pytest

from ..pictures import names
from .pictures import pixels, save


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        save(tmp_path / f"in/{number}.png", pixels(number))
    return tmp_path / "in"


def test_parts_together_do_everything_once(denoise, folder, tmp_path) -> None:
    done: list[str] = []
    for number in (2, 1, 3):  # results of others that exist already stop none
        result = denoise(folder, "-o", "out/", "--shard", f"{number}/3", "--json")
        assert result.code == 0
        done += [record["source"] for record in result.records]
        assert f"part {number}/3: " in result.err.splitlines()[-1]
    assert sorted(done) == [str(folder / f"{number}.png") for number in range(5)]
    assert names(tmp_path / "out") == [f"{number}.png" for number in range(5)]


def test_a_part_with_nothing_to_do_is_done(denoise, folder) -> None:
    result = denoise(folder, "-o", "out/", "--shard", "9/9")
    assert result.code == 0
    assert "part 9/9: nothing to do" in result.err


def test_every_part_refuses_what_the_whole_would(denoise, folder, tmp_path) -> None:
    save(tmp_path / "other/0.png", pixels(0))
    for number in (1, 2):
        result = denoise(folder, "other/0.png", "-o", "out/x.png", "--shard", f"{number}/2")
        assert result.code == 2


def test_its_own_results_are_not_replaced(denoise, folder) -> None:
    assert denoise(folder, "-o", "out/", "--shard", "1/2").code == 0
    again = denoise(folder, "-o", "out/", "--shard", "1/2")
    assert again.code == 2
    assert "exist already" in again.err
    assert denoise(folder, "-o", "out/", "--shard", "1/2", "--skip-existing").code == 0


@pytest.mark.parametrize("part", ["0/2", "3/2", "half"])
def test_what_is_no_part_is_refused(denoise, folder, part) -> None:
    result = denoise(folder, "--shard", part)
    assert result.code == 2
    assert "--shard" in result.err


def test_torchrun_sets_the_part(denoise, folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        assert denoise(folder, "-o", "out/").code == 0
    assert names(tmp_path / "out") == [f"{number}.png" for number in range(5)]
