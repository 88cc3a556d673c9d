"""Man pages and completion, as the wheel brings them, in the eyes of groff and of a shell."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_help import COMMANDS

ROOT = Path(__file__).parents[2]


def _share() -> Any:
    """The module that Hatchling runs."""
    spec = importlib.util.spec_from_file_location("share", ROOT / ".ci" / "share.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


share = _share()
FILES = share.files()
needs_groff = pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")


def shown(*pages: str) -> str:
    """The text of man pages as groff sets it, in which it must find nothing to warn of."""
    command = ["groff", "-man", "-Tutf8", "-ww", "-rLL=200n", "-P-cbou"]
    done = subprocess.run(command, input="\n".join(pages).encode(), capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@needs_groff
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_of_all_its_help(aecli: Any, name: str) -> None:
    text = shown(FILES[f"man/man1/{name.replace(' ', '-')}.1"])
    page = aecli(*name.split()[1:], "--help").out.decode()
    assert set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", page)) <= set(re.findall(r"-[\w-]+", text))
    for example in page.partition("\nExamples:\n")[2].splitlines():
        assert example.strip() in text
    assert all(f"\n{part}\n" in text for part in ("NAME", "SYNOPSIS", "EXIT STATUS", "SEE ALSO"))


@needs_groff
def test_groups_lead_to_their_commands() -> None:
    text = shown(FILES["man/man1/aecli.1"], FILES["man/man1/aecli-train.1"])
    assert "aecli-denoise(1)" in text
    assert "aecli-train-denoise(1)" in text
    pages = {f"{Path(name).stem}(1)" for name in FILES if name.startswith("man/")}
    assert set(re.findall(r"aecli[a-z-]*\(1\)", text.replace("AECLI", ""))) <= pages


@needs_groff
def test_any_text_comes_out_as_it_is() -> None:
    texts = (r".a 'b' `c` --d \e ~f ^g \fBh", "'i", "größer … j", "k" + "-" * 9)
    page = share.Page("a-b", texts[0])
    with page.section("Some"):
        page.write_dl([(text, text) for text in texts])
    for text in texts:
        page.write(text)
    lines = [line.strip() for line in shown(page.getvalue()).splitlines()]
    assert f"a-b - {texts[0]}" in lines
    assert [line for line in lines if line in texts][-4:] == list(texts)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_commands_and_models(tmp_path: Path) -> None:
    program = tmp_path / "aecli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aecli "$@"\n')
    program.chmod(0o755)
    script = FILES["bash-completion/completions/aecli"] + (
        'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $by aecli; echo "${COMPREPLY[@]}"; }\n'
        'by=$(complete -p aecli | sed "s/.*-F //; s/ .*//")\n'
        "ask aecli den\nask aecli denoise -m g\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", "--norc", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["denoise", "gaussian"]


def test_zsh_finds_its_own_by_the_first_line() -> None:
    script = FILES["zsh/site-functions/_aecli"]
    assert script.startswith("#compdef aecli\n")
    assert re.search(r"^if .*loadautofunc.*_aecli_completion", script, re.MULTILINE)
    assert "complete --command aecli " in FILES["fish/vendor_completions.d/aecli.fish"]
