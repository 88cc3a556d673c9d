"""`--install-completion` and `--show-completion` where they cannot do what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aecli.errors import AecliError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHELLS: Mapping[str, str] = {
    "bash": 'eval "$(aecli --show-completion)"',
    "zsh": 'eval "$(aecli --show-completion)"',
    "fish": "aecli --show-completion | source",
    "powershell": "aecli --show-completion | Out-String | Invoke-Expression",
    "pwsh": "aecli --show-completion | Out-String | Invoke-Expression",
}
"""What sets completion up in a running shell, by the shell's name."""


def guard(program: Any) -> None:
    """Let Typer's two options of a program fail with an error that says what to do instead."""
    for param in program.params:
        if param.name in ("install_completion", "show_completion"):
            param.callback = _guarded(param.callback)


def _guarded(callback: Callable[..., Any]) -> Callable[..., Any]:
    """A callback of Typer's that refuses what ends in a traceback or does nothing."""

    def guarded(context: Any, param: Any, value: object) -> Any:
        if not value or context.resilient_parsing:
            return value
        shell = _shell()
        try:
            return callback(context, param, value)
        except RuntimeError:  # Path.home() finds none
            raise UsageError(
                "completion is kept in the home folder, and this user has none", _cure(shell)
            ) from None
        except OSError as error:
            place = f"{error.filename}: {error.strerror}"
            raise AecliError(f"completion cannot be kept there: {place}", _cure(shell)) from None

    return guarded


def _shell() -> str:
    """The shell that called.

    Raises:
        UsageError: there is none, or none that completion is made for.
    """
    import shellingham

    try:
        name, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        name = None
    if name not in SHELLS:
        called = "not known" if name is None else name
        raise UsageError(
            f"completion is made for bash, zsh, fish and PowerShell; the shell here is {called}",
            "call it from one of these",
        )
    return str(name)


def _cure(shell: str) -> str:
    return f"`{SHELLS[shell]}` sets it up for as long as this shell runs"
