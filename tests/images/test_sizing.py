from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.errors import UsageError
from aecli.images.sizing import TAGS, Sizing

lengths = st.integers(1, 20_000)


@given(st.floats(1, 8), lengths, lengths)
def test_a_scale_gives_the_exact_size(scale: float, width: int, height: int) -> None:
    assert Sizing(scale).of(width, height) == (int(scale * width + 0.5), int(scale * height + 0.5))


@given(lengths, lengths, st.floats(1, 8))
def test_one_side_keeps_the_aspect(width: int, height: int, factor: float) -> None:
    wanted = int(factor * width)
    size = Sizing(width=wanted).of(width, height)
    assert size[0] == wanted
    assert abs(size[1] - wanted * height / width) <= 0.5
    assert Sizing(height=wanted).of(height, width) == size[::-1]


def test_a_size_is_taken_by_its_word() -> None:
    assert Sizing(size=(800, 600)).of(400, 200) == (800, 600)
    assert Sizing(size=(3, 8)).of(3, 1) == (3, 8)


@pytest.mark.parametrize(
    ("sizing", "label", "tag"),
    [
        (Sizing(2), "2", "x2"),
        (Sizing(2.5), "2.5", "x2.5"),
        (Sizing(1.1), "1.1", "x1.1"),
        (Sizing(size=(800, 600)), "800x600", "800x600"),
        (Sizing(width=800), "w800", "w800"),
        (Sizing(height=600), "h600", "h600"),
    ],
)
def test_names(sizing: Sizing, label: str, tag: str) -> None:
    assert (sizing.label, sizing.tag) == (label, tag)
    assert re.fullmatch(TAGS, tag)


@given(st.floats(1, 8))
def test_every_scale_has_a_tag(scale: float) -> None:
    assert re.fullmatch(TAGS, Sizing(scale).tag)


@pytest.mark.parametrize(
    ("sizing", "message"),
    [
        (Sizing(size=(99, 200)), "100x50 pixels to 99x200 would shrink it"),
        (Sizing(size=(801, 50)), "100x50 pixels to 801x50 is more than 8 times as large"),
        (Sizing(width=99), "would shrink it"),
        (Sizing(height=401), "is more than 8 times as large"),
    ],
)
def test_sizes_out_of_range(sizing: Sizing, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        sizing.of(100, 50)
    assert caught.value.hint


@pytest.mark.parametrize("scale", [0.99, 8.01, -1, 0, float("nan"), float("inf")])
def test_impossible_scales(scale: float) -> None:
    with pytest.raises(UsageError, match="a scale goes from 1 to 8"):
        Sizing(scale)


@pytest.mark.parametrize(
    "wishes",
    [{}, {"scale": 2.0, "width": 9}, {"width": 9, "height": 9}, {"size": (1, 1), "width": 1}],
)
def test_one_wish_at_a_time(wishes: dict) -> None:
    with pytest.raises(UsageError, match="choose one of"):
        Sizing(**wishes)


def test_width_and_height_are_a_size() -> None:
    with pytest.raises(UsageError) as caught:
        Sizing(width=8, height=9)
    assert caught.value.hint == "the size 8x9 is both"


@pytest.mark.parametrize("wish", [{"width": 0}, {"height": -3}, {"size": (0, 5)}])
def test_nothing_is_no_size(wish: dict) -> None:
    with pytest.raises(UsageError, match="at least one pixel"):
        Sizing(**wish)
