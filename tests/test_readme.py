"""What the README says is so: its commands run, its options, folders, links and defaults exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecli import extras
from aecli.checkpoints import store
from aecli.cli.app import build
from aecli.images import reading, writing
from aecli.images.image import Image as Picture

from . import tiny
from .images.raws import dng

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
GUIDE = (ROOT / ".github" / "GUIDE.md").read_text("utf-8")
PAGES = ["README.md", *(f".github/{name}.md" for name in ("GUIDE", "GALLERY", "CONTRIBUTING"))]
CI = ROOT / ".ci" / "run"


def blocks(language: str, text: str = README + GUIDE) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def section(title: str, text: str = README + GUIDE) -> str:
    """What stands under `## title`."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


TEXT = re.sub(r"^```.*?^```$", "", README + GUIDE, flags=re.DOTALL | re.MULTILINE)
PROSE = " ".join(TEXT.split())
LINES = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]
EXAMPLES = [
    line
    for title in ("Five examples", "Denoise", "Upscale", "Generate", "Embed")
    for line in blocks("sh", section(title))[0].splitlines()
    if "aecli train" not in line
]


def calls(line: str) -> Iterator[list[str]]:
    """The arguments of every call of aecli in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            for place, name in enumerate(words):
                if name.rpartition("/")[2] == "aecli":
                    yield words[place + 1 :]
                    break
            words = []
        else:
            words.append(word)


CALLS = [arguments for line in LINES for arguments in calls(line)]


def parse(arguments: list[str]) -> dict[str, Any]:
    """The values of a call's options, as the program itself reads them; nothing is run."""
    command = build()
    context = command.make_context("aecli", list(arguments))
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = command.make_context(name, rest, parent=context)
    return dict(context.params)


def options(command: Any) -> set[str]:
    """All options of a command and those below it."""
    own = {n for p in command.params for n in (*p.opts, *p.secondary_opts)}
    return own.union(*(options(sub) for sub in getattr(command, "commands", {}).values()))


def test_there_are_commands_to_test() -> None:
    assert len(EXAMPLES) >= 13
    assert len(CALLS) >= 15


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_every_command_parses(arguments: list[str]) -> None:
    assert parse(arguments)


def test_every_option_the_prose_names_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", PROSE))
    assert named
    assert named - {"--help"} <= options(build())


def test_every_variable_the_prose_names_exists() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "aecli").rglob("*.py"))
    for variable in set(re.findall(r"\bAECLI_[A-Z]+\b", README + GUIDE)):
        assert f'"{variable}"' in source, variable


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    path = ROOT / page
    links = [x for x in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")) if "://" not in x]
    assert [link for link in links if not (path.parent / link).exists()] == []
    assert links or page.endswith("CONTRIBUTING.md")


def test_the_table_of_extras_is_theirs() -> None:
    def plain(requirement: str) -> str:
        return re.split(r"[<>=;\[ ]", requirement)[0].replace("-", "_")

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = project["optional-dependencies"]
    declared.pop("dev")
    brought = {name: {plain(each) for each in needs} for name, needs in declared.items()}
    table = section("Install", README).partition("| extra |")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE)
    assert {name: set(map(plain, packages.split(", "))) for name, packages in rows} == brought
    loaded = [each for each in vars(extras).values() if isinstance(each, extras.Extra)]
    named = {name: {plain(e.package) for e in loaded if e.name == name} for name in brought}
    assert named == brought


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_folder_table_lists_the_packages() -> None:
    contributing = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
    listed = re.findall(r"^\| `(?:aecli/(\w+)/)` \|", contributing, re.MULTILINE)
    packages = {p.name for p in (ROOT / "aecli").iterdir() if p.is_dir() and p.name[0] not in "_."}
    assert sorted(listed) == sorted(packages - {"pretrained"})
    for folder in re.findall(r"`([\w./-]+)/`", contributing):
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.parametrize(
    ("claim", "command", "option", "default"),
    [
        ("is estimated for every image", "denoise", "sigma", "auto"),
        ("`--strength` scales it", "denoise", "strength", 1.0),
        ("Large images are cut into tiles", "denoise", "tile", "auto"),
        ("nothing is overwritten without `--overwrite`", "denoise", "overwrite", False),
        ("kept unless `--strip`", "denoise", "strip", False),
        ("what `--device auto` means", "denoise", "device", "auto"),
        ("Results of more than 1 GiB want `--yes`", "upscale", "yes", False),
        ("`--no-consistent` leaves it out", "upscale", "consistent", None),
    ],
)
def test_what_it_says_of_defaults(aecli_help: Any, claim: str, command: str, option: str, default):
    assert claim in PROSE
    assert parse([command, "x.png"])[option] == default
    if default not in (False, None):
        assert re.search(rf"--{option} [^[]*\[default: {default}[;\]]", aecli_help(command))


@pytest.fixture
def aecli_help(capsys: pytest.CaptureFixture[str]) -> Any:
    """`aecli_help("denoise")`: the help page as one line."""
    from aecli.cli.app import run

    def page(*command: str) -> str:
        capsys.readouterr()
        assert run([*command, "--help"]) == 0
        return " ".join(capsys.readouterr().out.split()).replace("[:N]", "")

    return page


def test_runs_are_where_it_says(aecli_help: Any) -> None:
    assert "`AECLI_HOME/runs/denoise-NAME`" in PROSE
    assert "(AECLI_HOME/runs/TASK-NAME)" in aecli_help("train", "denoise")


@pytest.mark.skipif(not (CI.is_file() and shutil.which("awk")), reason="needs .ci/run and awk")
def test_ci_runs_the_command_that_newcomers_paste() -> None:
    script = CI.read_text("utf-8")
    extraction = re.search(r"^test_command=\$\((awk .* README\.md)\)$", script, re.MULTILINE)
    assert extraction
    assert re.search(r'^bash .*-c "\$test_command"$', script, re.MULTILINE)
    done = subprocess.run(extraction[1], shell=True, cwd=ROOT, capture_output=True, text=True)  # noqa: S602
    after = README.partition("<!-- tests -->\n")[2]
    [command] = blocks("sh", after)[0].splitlines()
    assert done.stdout == f"{command}\n"
    assert "pytest" in command


def prepare(folder: Path) -> None:
    """The files that the README's examples speak of."""
    rng = np.random.default_rng(3)

    def save(name: str, dtype: type = np.uint8, shape: tuple[int, ...] = (24, 32, 3)) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype)
        Image.fromarray(pixels).save(path)

    for name in (
        "photo.jpg",
        "a.png",
        "icon.png",
        "noisy.png",
        "clean.png",
        "in/1.png",
        "in/2.png",
    ):
        save(name)
    for name in ("album/1.jpg", "album/deep/2.png", "Pictures/1.jpg", "Pictures/2.jpg"):
        save(name)
    save("thumb.jpg", shape=(120, 160, 3))
    save("scan.tif", np.uint16, (24, 32))
    picture = rng.integers(0, 256, (24, 32, 3), np.uint8)
    (folder / "DSC_0001.NEF").write_bytes(dng(picture))
    with (folder / "IMG_0001.HEIC").open("wb") as file:
        writing.write(Picture(picture), file, "HEIC")


@dataclass(frozen=True)
class Ran:
    """What a line of the README left behind."""

    folder: Path
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def ran(_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every line of four commands' sections, each run in a folder of its own, two at a time."""
    home = tmp_path_factory.mktemp("home")
    install(_tiny, home)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "AECLI_HOME": str(home),
        "AECLI_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    aecli = f'set -o pipefail; aecli() {{ {shlex.quote(sys.executable)} -m aecli "$@"; }}; '

    def run(line: str) -> Ran:
        folder = tmp_path_factory.mktemp("readme")
        prepare(folder)
        done = subprocess.run(
            ["bash", "-c", aecli + line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(folder, done.returncode, done.stdout, done.stderr)

    with ThreadPoolExecutor(2) as threads:
        return dict(zip(EXAMPLES, threads.map(run, EXAMPLES), strict=True))


def install(model: Path, home: Path) -> None:
    """Make tiny models the defaults for denoising and upscaling."""
    folder = home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    name = store.file_name("denoise", store.PREFERENCE["denoise"][0])
    (folder / name).write_bytes(model.read_bytes())
    for family in store.PREFERENCE["upscale"]:
        tiny.upscalers(folder, family, "bicubic")


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_command_of_these_sections_runs(line: str, ran: dict[str, Ran]) -> None:
    if "jq" in line and not shutil.which("jq"):
        pytest.skip("needs jq")
    done = ran[line]
    assert done.code == 0, done.err
    for name in re.findall(r"[\w*/]+(?:\.(?:jpg|png|tif)|/)", line):
        made = list(done.folder.glob(name))
        assert made, f"{name} is not there"
        for path in made:
            if path.is_file():
                reading.decode(path)
            else:
                assert any(path.iterdir())


def lines_with(word: str, ran: dict[str, Ran]) -> Iterator[Ran]:
    return (done for line, done in ran.items() if word in line)


def test_the_tree_is_kept(ran: dict[str, Ran]) -> None:
    for done in lines_with("-r album/", ran):
        made = {str(p.relative_to(done.folder / "clean")) for p in done.folder.glob("clean/**/*.*")}
        assert made == {"1.jpg", "deep/2.png"}


def test_the_likeness_is_told(ran: dict[str, Ran]) -> None:
    for done in lines_with("--ref", ran):
        assert re.search(r"PSNR [\d.]+ -> [\d.]+ dB, SSIM [\d.-]+ -> [\d.-]+", done.err)


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_records_can_be_queried(ran: dict[str, Ran]) -> None:
    for done in lines_with("jq .sigma", ran):
        assert [float(line) >= 0 for line in done.out.splitlines()] == [True, True]


def test_the_python_example_runs(
    _tiny: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    install(_tiny, home)
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    [example] = blocks("python", section("From Python"))
    assert "seconds=1800" in example
    shorter = example.replace("seconds=1800", f"steps=1, settings={tiny.SETTINGS!r}")
    values: dict[str, Any] = {"array": np.zeros((24, 32, 3), np.uint16)}
    exec(shorter, values)  # noqa: S102  # the README's own code is what is tested
    assert (values["clean"].width, values["clean"].height) == (32, 24)
    with Image.open("large.jpg") as large:
        assert large.size == (80, 60)
    assert values["array"].dtype == np.uint16
    assert (home / "models" / "denoise-mine.safetensors").is_file()
