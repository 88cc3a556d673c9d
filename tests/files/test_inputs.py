from __future__ import annotations

import errno
import io
import os
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli import extras
from aecli.errors import InputError, Reason, UsageError
from aecli.files import inputs
from aecli.files.inputs import Source, collect, gather, natural


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """photos/ with images, other files, hidden ones, links and a folder below."""
    for name in (
        *("img10.png", "img2.png", "IMG1.JPG", "ä photo.webp", "notes.txt", "page.psd"),
        *(".hidden.png", "._img2.png", "sub/deep.tif", "sub/.git/x.png", "sub/img1.png"),
    ):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "photos" / "broken.png").symlink_to("nothing")
    (tmp_path / "photos" / "link.png").symlink_to("img2.png")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "folder.png").mkdir()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def names(sources: list[Source]) -> list[str]:
    return [s.relative.as_posix() for s in sources]


def test_a_folder_gives_its_images_in_natural_order(tree: Path) -> None:
    found = collect(["photos"])
    assert names(found) == ["IMG1.JPG", "img2.png", "img10.png", "link.png", "ä photo.webp"]
    assert all(s.found and s.path == Path("photos") / s.relative for s in found)


def test_recursion_keeps_the_tree(tree: Path) -> None:
    deep = set(names(collect(["photos"], recursive=True))) - set(names(collect(["photos"])))
    assert deep == {"sub/deep.tif", "sub/img1.png"}


def test_named_files_keep_their_order_and_need_no_suffix(tree: Path) -> None:
    given = ["photos/notes.txt", "photos/img10.png", "photos/img2.png", "missing.png"]
    sources = collect(given)
    assert [str(s.path) for s in sources] == given
    assert names(sources) == ["notes.txt", "img10.png", "img2.png", "missing.png"]
    assert not any(s.found for s in sources)


def test_every_file_comes_once(tree: Path) -> None:
    sources = collect(["photos", "photos/img2.png", "photos/../photos/img2.png", "photos/"])
    assert len(sources) == 5
    assert [s.relative.name for s in sources if not s.found] == ["img2.png"]


def test_two_names_of_one_file_are_two_inputs(tree: Path) -> None:
    assert len(collect(["photos/img2.png", "photos/link.png"])) == 2


def test_a_pattern_the_shell_left_alone_is_expanded(tree: Path) -> None:
    assert names(collect(["photos/img*.png"])) == ["img2.png", "img10.png"]
    assert names(collect(["photos/no*.png"])) == ["no*.png"]
    odd = tree / "a[1].png"
    odd.touch()
    assert names(collect(["a[1].png"])) == ["a[1].png"]


def test_a_dash_is_standard_input_once(tree: Path) -> None:
    (source,) = collect(["-", "-"])
    assert source == Source(None, Path("stdin.png"))
    assert source.name == "standard input"
    assert collect(["./-"])[0].path == Path("-")


@pytest.mark.parametrize(
    ("data", "null"),
    [
        (b"photos/img2.png\nphotos/IMG1.JPG\n", False),
        (b"photos/img2.png\r\n\r\nphotos/IMG1.JPG", False),
        (b"photos/img2.png\0photos/IMG1.JPG\0", True),
    ],
)
def test_a_list_names_more_inputs(tree: Path, monkeypatch, data: bytes, null: bool) -> None:
    (tree / "list").write_bytes(data)
    assert names(gather([], files_from="list", null=null).sources) == ["img2.png", "IMG1.JPG"]
    assert len(gather(["photos/img10.png"], files_from="list", null=null).sources) == 3
    stdin(monkeypatch, data)
    assert len(gather([], files_from="-", null=null).sources) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_file_names_of_any_encoding_survive(tree: Path) -> None:
    name = b"caf\xe9\n.png"
    (tree / "list").write_bytes(name + b"\0")
    (source,) = gather([], files_from="list", null=True).sources
    assert os.fsencode(source.path) == name


def test_standard_input_is_read_once_only(tree: Path, monkeypatch) -> None:
    stdin(monkeypatch, b"photos/img2.png\n")
    with pytest.raises(UsageError, match="both"):
        gather(["-"], files_from="-")


@pytest.mark.parametrize(
    ("inputs", "files_from", "message"),
    [
        ([], None, "no inputs"),
        (["empty"], None, "no images in empty"),
        ([], "missing", "missing: cannot be read"),
        ([], "photos", "photos: cannot be read"),
        ([], "list0", "list0: is separated by NUL bytes"),
    ],
)
def test_nothing_to_do_is_a_usage_error(tree: Path, inputs, files_from, message: str) -> None:
    (tree / "list0").write_bytes(b"a.png\0b.png\0")
    with pytest.raises(UsageError, match=message):
        gather(inputs, files_from=files_from)


def test_the_hint_names_recursion_where_it_may_help(tree: Path) -> None:
    with pytest.raises(UsageError) as caught:
        collect(["empty"])
    assert caught.value.reason is None
    (tree / "empty" / "deeper").mkdir()
    with pytest.raises(UsageError) as caught:
        collect(["empty"])
    assert caught.value.reason is Reason.NOT_RECURSIVE


unix = pytest.mark.skipif(os.name == "nt", reason="named pipes are files on Unix only")


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)


@unix
@pytest.mark.usefixtures("no_extras")
def test_what_looks_like_an_image_is_left_out_by_name(tree: Path) -> None:
    for name in ("a.HEIC", "b.psb", "c.nef", "c.pdf", ".d.nef", "sub/e.psd"):
        (tree / "photos" / name).touch()
    os.mkfifo(tree / "photos" / "pipe.png")
    for recursive in (False, True):
        found = gather(["photos", "photos/b.psb"], recursive=recursive)
        left_out = {item.path.name: item.reason for item in found.left_out}
        assert left_out == {
            "a.HEIC": "HEIC",
            "c.nef": "a camera's RAW file",
            "page.psd": "a Photoshop document",
            "broken.png": "a link to nothing",
            "pipe.png": "a device, pipe or socket",
        } | (
            {"e.psd": "a Photoshop document"}
            if recursive
            else {"folder.png": "a folder", "sub": "a folder"}
        )
        assert not any(item.failed for item in found.left_out)
        assert "b.psb" in names(found.sources)  # it was named


def test_folders_that_are_not_looked_into_are_left_out(tree: Path) -> None:
    def passed_over(*names: str, recursive: bool = False) -> list[str]:
        left_out = gather(names, recursive=recursive).left_out
        assert {item.reason for item in left_out if item.folder} <= {"a folder"}
        return [str(item.path) for item in left_out if item.folder]

    (tree / "photos" / ".hidden").mkdir()
    assert passed_over("photos") == ["photos/folder.png", "photos/sub"]
    assert passed_over("photos", "photos/sub/") == ["photos/folder.png"]
    assert passed_over("photos", recursive=True) == []
    assert passed_over("photos/a.png") == []


@pytest.mark.usefixtures("no_extras")
def test_where_nothing_is_read_the_hint_fits(tree: Path) -> None:
    (tree / "empty" / "a.heic").touch()
    (tree / "empty" / "b.nef").touch()
    (tree / "empty" / "sub").mkdir()
    with pytest.raises(UsageError, match=r"that aecli reads: .*heic is HEIC and 1 more") as caught:
        collect(["empty"])
    assert "heif-convert" in (caught.value.hint or "")
    assert "pip install 'aecli[heif]'" in (caught.value.hint or "")


def test_with_their_extras_all_kinds_are_read(tree: Path) -> None:
    for name in ("a.HEIC", "b.nef"):
        (tree / "empty" / name).touch()
    found = gather(["empty"])
    assert (names(found.sources), found.left_out) == (["a.HEIC", "b.nef"], [])


def test_a_folder_that_cannot_be_listed_fails_alone(tree: Path, monkeypatch) -> None:
    listed = os.scandir

    def scandir(path: str) -> Any:
        if Path(path).name == "sub":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = gather(["photos"], recursive=True)
    assert len(found.sources) == 5
    [failed] = [item for item in found.left_out if item.failed]
    assert (failed.path, failed.reason) == (
        Path("photos/sub"),
        "cannot be listed: Permission denied",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("null", [False, True])
def test_byte_order_marks_are_understood(tree: Path, encoding: str, null: bool) -> None:
    ends = "\0" if null else "\r\n"
    text = f"\ufeffphotos/ä photo.webp{ends}photos/img2.png{ends}"
    (tree / "list").write_bytes(text.encode(encoding))
    assert names(gather([], files_from="list", null=null).sources) == ["ä photo.webp", "img2.png"]


def test_a_list_cut_in_the_middle_of_a_letter_is_refused(tree: Path) -> None:
    (tree / "list").write_bytes("\ufeffphotos/img2.png".encode("utf-16-le") + b"x")
    with pytest.raises(UsageError, match="list: is not the text that it says"):
        gather([], files_from="list")


def test_once_means_a_file_comes_by_one_name(tree: Path) -> None:
    (tree / "view").symlink_to("photos")
    os.link("photos/img10.png", "photos/a_hard.png")
    (tree / "photos" / "a_link.png").symlink_to("img2.png")
    for chosen in (["view", "photos"], ["photos", "view", str(tree / "photos")]):
        found = names(gather(chosen, once=True).sources)
        assert sorted(found) == ["IMG1.JPG", "a_hard.png", "img2.png", "ä photo.webp"]
    assert names(gather(["view"], once=True).sources) == found


@unix
def test_a_pipe_is_read_once_as_standard_input_is(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    [source] = collect(["pipe"])
    assert source.once
    assert source.relative == Path("pipe.png")
    writer = threading.Thread(target=(tree / "pipe").write_bytes, args=(b"picture",))
    writer.start()
    assert source.read() == b"picture"
    writer.join()


@unix
def test_a_stream_without_end_is_refused(tree: Path, monkeypatch) -> None:
    monkeypatch.setattr(inputs, "MAX_STREAM", 1 << 16)
    with pytest.raises(InputError, match="/dev/zero: is longer than"):
        collect(["/dev/zero"])[0].read()


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "x" * 5000 + ".png"])
def test_impossible_names_fail_when_their_turn_comes(tree: Path, name: str) -> None:
    assert len(collect([name])) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_a_usage_error(tree: Path) -> None:
    (tree / "empty").chmod(0)
    with pytest.raises(UsageError, match="cannot be listed"):
        collect(["empty"])


@given(st.lists(st.text("aB12٣²/", min_size=1), min_size=2))
def test_any_names_can_be_put_in_natural_order(texts: list[str]) -> None:
    keys = [natural(Path(text)) for text in texts]
    assert all(a <= b for a, b in pairwise(sorted(keys)))


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_numbers_sort_by_value(numbers: list[int]) -> None:
    paths = sorted((Path(f"img{n}.png") for n in numbers), key=natural)
    assert [int(p.stem[3:]) for p in paths] == sorted(numbers)
