from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.errors import Reason, UsageError
from aecli.files import names
from aecli.files.inputs import Source, collect
from aecli.files.planning import Job, Naming, fresh, plan
from aecli.images import sizing
from aecli.images.formats import format_of

DENOISED = Naming("denoised", values={"model": "photo"}, tags="denoised|denoise_compare")
X2 = Naming("x2", values={"model": "clean"}, tags=sizing.TAGS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def targets(
    *inputs: str, out: str | None = None, naming: Naming = DENOISED, **options
) -> list[str]:
    recursive = options.pop("recursive", False)
    sources, _ = fresh(collect(inputs, recursive=recursive), out, naming)
    jobs = plan(sources, out, naming, **options)
    return ["-" if job.target is None else job.target.as_posix() for job in jobs]


def naming(template: str | None = None, form: str | None = None) -> Naming:
    return Naming("denoised", template, form, {"model": "photo"})


def test_without_out_results_land_beside_their_inputs() -> None:
    touch("a/b.png", "c.JPEG", "d e ä.webp")
    assert targets("a/b.png", "c.JPEG", "d e ä.webp") == [
        "a/b_denoised.png",
        "c_denoised.JPEG",
        "d e ä_denoised.webp",
    ]
    assert targets("c.JPEG", naming=X2) == ["c_x2.JPEG"]
    assert targets("a") == ["a/b_denoised.png"]


def test_a_folder_keeps_names_and_tree() -> None:
    touch("in/a.png", "in/sub/b.jpg", "in/sub/deep/c.tif")
    assert targets("in", out="out", recursive=True) == [
        "out/a.png",
        "out/sub/b.jpg",
        "out/sub/deep/c.tif",
    ]
    assert targets("in/sub/b.jpg", out="out/") == ["out/b.jpg"]
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("inputs", "out", "expected"),
    [
        (["a.png"], "b.jpg", "b.jpg"),  # a file by its suffix
        (["a.png"], "b.jpg/", "b.jpg/a.png"),  # a folder by its slash
        (["a.png"], "there", "there/a.png"),  # a folder that exists
        (["in"], "out", "out/c.png"),  # a folder because the input is one
        (["in"], "b.png", "b.png"),  # one image, one file
        (["a.png"], ".", None),  # in place of its input
    ],
)
def test_what_out_means(inputs: list[str], out: str, expected: str | None) -> None:
    touch("a.png", "in/c.png", "there/x.txt")
    if expected is None:
        with pytest.raises(UsageError, match="replace the input"):
            targets(*inputs, out=out)
    else:
        assert targets(*inputs, out=out) == [expected]


def test_several_inputs_make_out_a_folder_unless_it_names_a_file() -> None:
    touch("a.png", "b.png", "plain")
    assert targets("a.png", "b.png", out="new") == ["new/a.png", "new/b.png"]
    for out in ("new.png", "plain"):
        with pytest.raises(UsageError, match="2 inputs cannot go to one file"):
            targets("a.png", "b.png", out=out)


@pytest.mark.parametrize(
    ("name", "form", "target", "expected"),
    [
        ("a.png", None, "a_denoised.png", "PNG"),
        ("a.JPG", None, "a_denoised.JPG", "JPEG"),
        ("a.JPG", "JPEG", "a_denoised.JPG", "JPEG"),
        ("a.jpg", "PNG", "a_denoised.png", "PNG"),
        ("a.gif", None, "a_denoised.png", "PNG"),
        ("photo", None, "photo_denoised", None),
        ("photo.dat", None, "photo_denoised.dat", None),
        ("photo.dat", "TIFF", "photo_denoised.tif", "TIFF"),
    ],
)
def test_the_format_follows_the_name(name, form, target: str, expected: str | None) -> None:
    touch(name)
    (job,) = plan(collect([name]), None, naming(form=form))
    assert (job.target, job.format) == (Path(target), expected)


def test_standard_input_and_output() -> None:
    touch("a.png", "b.png")
    assert plan(collect(["-"]), None, DENOISED) == [
        Job(Source(None, Path("stdin.png")), None, None)
    ]
    assert plan(collect(["-"]), None, naming(form="JPEG"))[0].format == "JPEG"
    assert targets("a.png", out="-") == ["-"]
    assert targets("-", out="out/") == ["out/stdin.png"]
    assert targets("-", out="x.jpg") == ["x.jpg"]
    assert targets("-", "a.png", out="out/") == ["out/stdin.png", "out/a.png"]
    for inputs, out in ((["a.png", "b.png"], "-"), (["-", "a.png"], None), (["-", "a.png"], "-")):
        with pytest.raises(UsageError, match="one result only"):
            targets(*inputs, out=out)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{stem}_{model}.{ext}", "c.d_photo.png"),
        ("{stem}_{tag}", "c.d_denoised.png"),
        ("{name}", "c.d.png"),
        ("{name}.webp", "c.d.png.webp"),
        ("{parent}/{stem}.{ext}", "sub/c.d.png"),
        ("fixed.tif", "fixed.tif"),
        ("{{{stem}}}.{ext}", "{c.d}.png"),
    ],
)
def test_templates_name_results(template: str, expected: str) -> None:
    touch("sub/c.d.png")
    assert targets("sub/c.d.png", out="out/", naming=naming(template)) == [f"out/{expected}"]


@pytest.mark.parametrize(
    "template",
    [
        *("{stm}.png", "{}.png", "{stem", "{stem!r}", "{stem:>9}", "{stem.__class__}", "{0}", "."),
        *("../{stem}.png", "/{stem}.png"),
    ],
)
def test_templates_that_make_no_sense_are_usage_errors(template: str) -> None:
    touch("a.png")
    with pytest.raises(UsageError, match="template") as caught:
        targets("a.png", out="out/", naming=naming(template))
    if "stm" in template:
        assert "{model}" in (caught.value.hint or "")


def test_the_name_and_the_format_must_agree() -> None:
    touch("a.png")
    with pytest.raises(UsageError, match="the name says JPEG"):
        targets("a.png", out="b.jpg", naming=naming(form="PNG"))
    assert targets("a.png", out="b", naming=naming(form="PNG")) == ["b"]
    with pytest.raises(UsageError, match="no image format"):
        targets("a.png", out="b")
    with pytest.raises(UsageError, match="GIF is read but not written"):
        targets("a.png", out="b.gif")
    with pytest.raises(UsageError, match="GIF is read but not written"):
        targets("a.png", naming=naming(form="GIF"))


@pytest.mark.parametrize(
    ("inputs", "out", "form"),
    [
        (["a.png", "a.jpg"], "out", "PNG"),  # one stem, two suffixes
        (["x/a.png", "y/a.png"], "out", None),  # one name, two folders
        (["a.png", "a.jpg"], None, "WEBP"),
    ],
)
def test_results_of_one_name_are_refused(inputs: list[str], out, form) -> None:
    touch(*inputs)
    with pytest.raises(UsageError, match="would both become") as caught:
        targets(*inputs, out=out, naming=naming(form=form))
    assert all(name in caught.value.message for name in inputs)


CASES = ["x/a.png", "y/A.png"]
FORMS = ["x/n\u0303.png", "y/\u00f1.png"]


@pytest.mark.parametrize(
    ("habits", "refused"),
    [
        ((False, False), []),
        ((True, False), [CASES]),
        ((False, True), [FORMS]),
        ((True, True), [CASES, FORMS]),
    ],
)
def test_names_that_differ_in_case_or_form_are_one_only_where_the_file_system_says_so(
    habits: tuple[bool, bool], refused: list[list[str]], monkeypatch
) -> None:
    monkeypatch.setattr(names, "_habits", lambda _: habits)
    for inputs in (CASES, FORMS):
        touch(*inputs)
        if inputs in refused:
            with pytest.raises(UsageError, match="would both become"):
                targets(*inputs, out="out")
        else:
            assert len(targets(*inputs, out="out")) == 2


def test_what_the_file_system_says_is_what_it_does(tmp_path: Path) -> None:
    touch("a", "A", "n\u0303", "\u00f1")
    there = {path.name for path in tmp_path.iterdir()}
    for pair in (("a", "A"), ("n\u0303", "\u00f1")):
        assert names.merged(*(tmp_path / "no" / "folder" / name for name in pair)) == (
            len({*pair} & there) == 1
        )
    assert names.merged(Path("x"), Path("./x"))
    assert not names.merged(Path("x"), Path("y"))
    assert {path.name for path in tmp_path.iterdir()} == there


def test_the_hint_against_results_of_one_name_works() -> None:
    touch("x/a.png", "y/a.png", "y/a.jpg")
    assert (
        len(targets("x/a.png", "y/a.png", out="out", naming=naming("{parent}_{stem}.{ext}"))) == 2
    )
    assert len(targets("y", out="out", naming=naming("{name}.png", "PNG"))) == 2


def test_an_input_is_never_replaced() -> None:
    touch("a.png", "in/b.png", "in/b_soft.png")
    os.link("a.png", "hard.png")
    Path("link.png").symlink_to("a.png")
    Path("same").symlink_to("in")
    for inputs, out, name in (
        (["a.png"], "a.png", None),
        (["a.png"], "./in/../a.png", None),
        (["a.png"], "link.png", None),
        (["link.png"], "a.png", None),
        (["a.png"], "hard.png", None),
        (["in"], "in", None),
        (["in"], "same/", None),
        (["in"], None, "{name}"),
        (["in"], None, "{stem}_soft.png"),
    ):
        with pytest.raises(UsageError, match=r"would replace the input|would both become"):
            targets(*inputs, out=out, naming=naming(name), overwrite=True)


def test_existing_results_are_refused_replaced_or_left_out() -> None:
    touch("in/a.png", "in/b.png", "in/c.png", "out/a.png", "out/c.png")
    with pytest.raises(UsageError, match=r"out/a\.png and 1 more exist already") as caught:
        targets("in", out="out")
    assert caught.value.reason is Reason.EXISTS
    assert len(targets("in", out="out", overwrite=True)) == 3
    jobs = plan(collect(["in"]), "out", DENOISED, skip_existing=True)
    assert [job.skip for job in jobs] == [True, False, True]
    with pytest.raises(UsageError, match="exclude each other"):
        targets("in", out="out", overwrite=True, skip_existing=True)


def test_running_again_leaves_out_its_own_results() -> None:
    touch(
        "in/a.png", "in/a_denoised.png", "in/b.jpg", "in/b_denoised.png", "in/b_denoise_compare.png"
    )
    assert targets("in", skip_existing=True) == ["in/a_denoised.png", "in/b_denoised.jpg"]
    assert targets("in", out="out") == ["out/a.png", "out/b.jpg"]


def test_results_by_the_whole_name_are_left_out_too() -> None:
    touch("in/a.png", "in/a.jpg", "in/a.png_denoised.png", "in/a.jpg_denoised.png")
    kept, made = fresh(collect(["in"]), None, DENOISED)
    assert (len(kept), len(made)) == (2, 2)


def test_what_is_named_is_never_left_out() -> None:
    touch("in/a.png", "in/a_denoised.png", "in/a_denoise_compare.png")
    every = [str(path) for path in sorted(Path("in").iterdir())]
    assert targets(*every, out="out") == [
        "out/a.png",
        "out/a_denoise_compare.png",
        "out/a_denoised.png",
    ]
    with pytest.raises(UsageError, match=r"would replace the input in/a_denoised\.png"):
        targets(*every, overwrite=True)
    assert targets(*every, skip_existing=True)[0] == "in/a_denoised.png"
    _, made = fresh(collect(["in"]), None, DENOISED)
    assert [item.path.name for item in made] == ["a_denoise_compare.png", "a_denoised.png"]


def test_results_of_other_scales_are_left_out_too() -> None:
    touch("in/a.png", "in/a_x2.png", "in/a_x4.png", "in/a_x2.5.png", "in/a_x3_x4.png")
    touch("in/a_640x480.png", "in/a_w640.png", "in/a_h480.png")
    assert targets("in", naming=X2, overwrite=True) == ["in/a_x2.png", "in/a_x3_x4_x2.png"]


def test_a_tagged_file_without_its_original_is_an_input() -> None:
    touch("in/a_denoised.png")
    assert targets("in") == ["in/a_denoised_denoised.png"]


def test_results_in_a_folder_below_the_input_are_left_out() -> None:
    touch("in/a.png", "in/sub/b.png", "in/out/a.png", "in/out/sub/b.png")
    again = targets("in", out="in/out", recursive=True, overwrite=True)
    assert again == ["in/out/a.png", "in/out/sub/b.png"]


def test_results_alone_are_nothing_to_do() -> None:
    touch("in/out/a.png")
    with pytest.raises(UsageError, match="nothing to do"):
        targets("in", out="in/out", recursive=True)


def test_places_that_do_not_work_are_found_before_work_starts() -> None:
    touch("a.png", "file", "folder.png/x")
    for out, message in (
        ("missing/b.png", "missing: no such folder"),
        ("file/", "file is not a folder"),
        ("file/sub/", "file is not a folder"),
    ):
        with pytest.raises(UsageError, match=message):
            targets("a.png", out=out)
    with pytest.raises(UsageError, match=r"folder\.png is a folder"):
        targets("a.png", naming=naming("folder.png"))
    assert targets("missing.png", "a.png") == ["missing_denoised.png", "a_denoised.png"]
    assert targets("no/where.png", "a.png") == ["no/where_denoised.png", "a_denoised.png"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_found_before_work_starts() -> None:
    touch("in/a.png")
    Path("in").chmod(0o500)
    with pytest.raises(UsageError, match="no permission") as caught:
        targets("in")
    assert caught.value.hint == "choose another place"


def test_a_device_may_be_the_target() -> None:
    touch("a.png")
    (job,) = plan(collect(["a.png"]), os.devnull, naming(form="PNG"))
    assert job.target == Path(os.devnull)


NAMES = st.text(
    st.characters(blacklist_characters="/\\\0", blacklist_categories=("Cs", "Cc")), min_size=1
).filter(lambda name: not name.startswith((".", "~")) and len(os.fsencode(name)) < 100)


@given(
    stems=st.lists(NAMES, min_size=1, max_size=6, unique_by=str.casefold),
    suffix=st.sampled_from([".png", ".jpg", ".TIF", ".gif"]),
    out=st.sampled_from([None, "out/"]),
)
def test_every_input_gets_a_place_of_its_own(stems: list[str], suffix: str, out) -> None:
    sources = [Source(Path("in") / (s + suffix), Path(s + suffix)) for s in stems]
    try:
        jobs = plan(sources, out, DENOISED)
    except UsageError as error:
        assert "would both become" in error.message  # names that are one after normalisation
        return
    places = {str(job.target).casefold() for job in jobs}
    assert len(places) == len(jobs) <= len(sources)
    for job in jobs:
        assert job.target is not None
        assert job.target.parent == Path(out or "in")
        assert job.format == format_of(job.target)
        assert job.target != job.source.path
