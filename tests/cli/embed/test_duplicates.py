"""`--duplicates` never costs a picture: one file is one entry, and what is kept is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from aecli import extras
from aecli.inference import vectors as npz

from .spots import ALL, spot

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def test_other_names_of_a_file_are_no_copies_of_it(embed) -> None:
    Path("in/a/0_link.png").symlink_to("1.png")
    os.link("in/a/2.png", "in/a/3_hard.png")
    Path("view").symlink_to("in")
    for inputs in (["in"], ["in", "view"], ["view", "in", Path("in").absolute()]):
        result = embed(*inputs, "--duplicates", "--threshold", 0.9999)
        assert (result.code, result.lines) == (0, [])
    assert embed("view", "--duplicates", "--threshold", 0.9999, "-0").out == b""


def test_an_index_updated_by_other_names_of_a_folder_has_each_file_once(embed) -> None:
    Path("view").symlink_to("in")
    for name in ("in", "./in", Path("in").absolute(), "view", "in/../in"):
        assert embed(name, "-o", "z.npz", "--update").code == 0
    assert sorted(map(str, npz.load(Path("z.npz")).paths)) == ALL


def test_an_index_that_has_a_file_twice_lists_no_copy_of_it(embed) -> None:
    embed("in", "-o", "z.npz")
    Path("in/a/2.png").unlink()
    Path("in/a/2.png").symlink_to("1.png")
    result = embed("--index", "z.npz", "--duplicates", "--threshold", 0.9)
    assert not {"in/a/1.png", "in/a/2.png"} & {*result.lines}


def test_mirrored_copies_are_marked(embed) -> None:
    picture = ImageChops.lighter(spot(3, 2), spot(-2, 2).point(lambda level: level // 2))
    picture.resize((32, 32), Image.Resampling.NEAREST).save("in/large.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("in/mirror.png")
    arguments = ("in", "--duplicates", "--threshold", 1e-6)
    assert "in/mirror.png\tmirrored" in embed(*arguments).lines
    [record] = embed(*arguments, "--json").records
    assert record["best"] == "in/large.png"
    assert record["mirrored"] == ["in/mirror.png"]
    assert b"in/mirror.png\0" in embed(*arguments, "-0").out


def test_a_page_shows_the_groups_the_kept_one_first(embed) -> None:
    spot(2, 0).resize((32, 32), Image.Resampling.NEAREST).save("in/<b>&.png")
    result = embed("in", "--duplicates", "--threshold", 0.995, "--plot", "dupes.html")
    assert result.code == 0
    assert result.lines == ["in/<b>&.png", "in/a/1.png"]
    text = Path("dupes.html").read_text("utf-8")
    kept, copy = text.index("in/&lt;b&gt;&amp;.png"), text.index("in/a/1.png")
    assert kept < copy
    assert "kept, 32x32 PNG" in text
    assert "copy, 16x16 PNG" in text
    assert text.count("data:image/jpeg;base64,") == 2
    assert "1 groups" not in text
    again = embed("in", "--duplicates", "--plot", "dupes.html", "--thumbnails", "--overwrite")
    assert again.code == 2


def test_what_folders_hold_beside_pictures_is_told(embed, monkeypatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    for name in ("x.HEIC", "y.nef"):
        Path("in", name).touch()
    Path("in/z.png").symlink_to("nothing.png")
    result = embed("in", "gone.png", "-o", "z.npz")
    assert result.code == 1
    for words in (
        "3 left out: in/x.HEIC is HEIC, in/y.nef is",
        "in/y.nef is a camera's RAW file",
        "in/z.png is a link to nothing",
        "hint: pip install 'aecli[heif]' adds it; or convert it first",
        "gone.png: No such file",
        "4 embedded, 1 failed, 3 left out; 4 vectors",
    ):
        assert words in result.err
    result = embed("in", "-o", "z.npz", "--overwrite", "--json")
    assert result.code == 0
    assert {r["source"] for r in result.records if r["status"] == "left out"} == {
        "in/x.HEIC",
        "in/y.nef",
        "in/z.png",
    }


def test_a_name_that_does_not_exist_loads_no_model(embed) -> None:
    result = embed("gone.png", "-o", "z.npz")
    assert result.code == 1
    assert "gone.png: No such file" in result.err
    assert "on cpu" not in result.err
