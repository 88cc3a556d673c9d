from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aecli import __version__
from aecli.checkpoints import store
from aecli.cli import app
from aecli.errors import InputError


def test_version(aecli) -> None:
    result = aecli("--version")
    assert (result.code, result.out.decode()) == (0, f"aecli {__version__}\n")


def test_help_lists_the_subcommands(aecli) -> None:
    result = aecli("--help")
    assert result.code == 0
    for name in ("denoise", "models"):
        assert f"\n  {name} " in result.out.decode()


def test_nothing_asked_shows_the_help_and_is_a_usage_error(aecli) -> None:
    result = aecli()
    assert result.code == 2
    assert result.out == b""
    assert result.err.startswith("Usage: aecli")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["denoiser"], "No such command 'denoiser'"),
        (["denoise", "--frob"], "No such option: --frob"),
        (["denoise", "x.png", "--sigma", "loud"], "'loud' is neither auto nor a noise level"),
        (["denoise", "x.png", "--sigma", "-1"], "'-1' is neither auto nor a noise level"),
        (["denoise", "x.png", "--sigma", "nan"], "'nan' is neither auto nor a noise level"),
        (["denoise", "x.png", "--tile", "0"], "'0' is neither auto, off nor a number of pixels"),
        (["denoise", "x.png", "--precision", "fp8"], "'fp8' is not one of auto, fp32, bf16, fp16"),
        (["denoise", "x.png", "--strength", "nan"], "'nan' is not a factor of zero or more"),
        (["denoise", "x.png", "--strength", "inf"], "'inf' is not a factor of zero or more"),
        (["denoise", "x.png", "--quality", "0"], "--quality"),
        (["models"], "Missing command"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(aecli, arguments, message) -> None:
    result = aecli(*arguments)
    assert result.code == 2
    assert result.out == b""
    first, *hints = result.err.splitlines()
    assert first.startswith("aecli: error: ")
    assert message in first
    assert len(hints) == 1
    assert hints[0].startswith(("aecli: hint: see 'aecli", "aecli: hint: did you mean"))


def stub(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(task: str | None = None) -> None:
        raise error

    monkeypatch.setattr(store, "entries", fail)


def test_an_unexpected_exception_is_a_bug_told_in_one_line(aecli, monkeypatch) -> None:
    stub(monkeypatch, ZeroDivisionError("division\nby zero"))
    result = aecli("models", "list")
    assert result.code == 1
    assert result.err.splitlines()[0] == "aecli: error: ZeroDivisionError: division"
    assert "AECLI_DEBUG=1" in result.err
    assert "Traceback" not in result.err
    monkeypatch.setenv("AECLI_DEBUG", "1")
    assert "Traceback" in aecli("models", "list").err


def test_what_the_system_refuses_is_no_bug(aecli, monkeypatch) -> None:
    stub(monkeypatch, PermissionError(13, "Permission denied", "/home/models"))
    result = aecli("models", "list")
    assert (result.code, result.err) == (1, "aecli: error: /home/models: Permission denied\n")


def test_known_errors_carry_their_hint_and_exit_code(aecli, monkeypatch) -> None:
    stub(monkeypatch, InputError("a\x1b[31m.png: bad\nfile", "try another"))
    result = aecli("models", "list")
    assert result.code == 1
    assert result.err.splitlines() == [
        "aecli: error: a\\x1b[31m.png: bad\\nfile",
        "aecli: hint: try another",
    ]


def test_ctrl_c_is_130_and_silent(aecli, monkeypatch) -> None:
    stub(monkeypatch, KeyboardInterrupt())
    result = aecli("models", "list")
    assert (result.code, result.err) == (app.INTERRUPTED, "")


def test_long_messages_are_not_wrapped(aecli) -> None:
    name = "x" * 300
    assert (
        f"aecli: error: there is no model '{name}' for denoise"
        in aecli("models", "path", "denoise", name).err.splitlines()
    )


HEAVY = ("torch", "numpy", "PIL", "rich", "pydantic", "safetensors", "imagecodecs", "tifffile")
PAGES = ["--help", "--version", "denoise --help", "models --help", "models add --help"]
MORE = ["upscale --help", "generate --help", "embed --help", "train --help", "train denoise --help"]


@pytest.mark.parametrize("arguments", [*PAGES, *MORE])
def test_help_imports_nothing_heavy(python, arguments: str) -> None:
    code = (
        "import sys; from aecli.cli.app import run;"
        f"assert run({arguments.split()!r}) == 0;"
        f"sys.exit(', '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr.decode()


def test_a_closed_pipe_ends_quietly(python) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = python("-m", "aecli", "--help", stdout=closed)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [
        ("<&-", 0, b""),
        ("2>&-", 0, b""),
        (">&-", 1, b"aecli: error: standard output: Bad file descriptor\n"),
        ("<&- >&- 2>&-", 1, b""),
        ("> /dev/full", 1, b"aecli: error: standard output: No space left on device\n"),
    ],
)
def test_what_standard_output_does_not_take_is_an_error(closed, code, said) -> None:
    for data in ("models list", "--version", "models list --json"):
        shell = f'exec "$0" -m aecli {data} {closed}'
        command = ["sh", "-c", shell, sys.executable]
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("ignored", [False, True], ids=["", "nohup"])
def test_signals_unwind_unless_the_caller_ignores_them(python, name, code, ignored) -> None:
    program = (
        "import os, signal; from aecli import __main__ as program\n"
        f"if {ignored}: signal.signal(signal.{name}, signal.SIG_IGN)\n"
        "def run(arguments):\n"
        f"    try: os.kill(os.getpid(), signal.{name})\n"
        "    finally: print('unwound')\n"
        "program.run = run; program.main()"
    )
    done = python("-c", program)
    assert (done.returncode, done.stdout) == (0 if ignored else code, b"unwound\n")


def test_completion_answers_with_subcommands_and_options(python) -> None:
    def complete(words: str) -> list[str]:
        variables = {
            "_AECLI_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        done = python("-m", "aecli", env=variables)
        return done.stdout.decode().split()

    assert complete("aecli den") == ["denoise"]
    assert "--sigma" in complete("aecli denoise --s")
    assert complete("aecli models ver") == ["verify"]


def test_completion_scripts_are_shown(python) -> None:
    done = python("-m", "aecli", env={"_AECLI_COMPLETE": "source_zsh"})
    assert b"#compdef aecli" in done.stdout


def test_a_command_is_found_alone_by_its_name_and_all_of_them_by_another() -> None:
    every = set(app.build().commands)
    assert {"denoise", "upscale", "generate", "embed", "train", "models"} <= every
    for name in every:
        assert name in app.build(name).commands
    assert set(app.build("denoise").commands) == {"denoise", "upscale"}
    for other in (None, "--help", "denois", "report", "options"):
        assert set(app.build(other).commands) == every


def test_threads_of_numpy_sleep_unless_told_otherwise(python) -> None:
    code = (
        "import os, sys; from aecli import __main__; assert 'numpy' not in sys.modules;"
        "__main__._let_threads_sleep(); print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    )
    assert python("-c", code).stdout == b"4\n"
    assert python("-c", code, env={"OPENBLAS_THREAD_TIMEOUT": "20"}).stdout == b"20\n"
