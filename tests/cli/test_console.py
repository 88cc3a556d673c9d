from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from aecli.cli import console


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    shown = console.printable(text)
    assert shown.isprintable()
    assert len(shown) >= len(text)


def test_readable_text_stays_as_it_is() -> None:
    assert console.printable("Größe 5 µm 写真.png") == "Größe 5 µm 写真.png"


def test_tables_align_their_columns(capsys) -> None:
    console.table(("A", "LONG"), [("xxx", "1"), ("y", "22")])
    assert capsys.readouterr().out == "A    LONG\nxxx  1\ny    22\n"


def test_records_are_strict_json(capsys) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.record({"psnr": float("inf")})
    console.record({"source": "ä\udcff"})
    assert capsys.readouterr().out == '{"source": "\\u00e4\\udcff"}\n'


def test_markup_in_file_names_is_shown_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=io.StringIO(), width=20)
    monkeypatch.setattr(console, "colourful", lambda: True)
    monkeypatch.setattr(console, "stderr", lambda: terminal)
    console.warning("[bold]x[/bold].png: :smile: " + "long " * 10)
    assert terminal.file.getvalue().count("\n") == 1
    assert "[bold]x[/bold].png: :smile:" in terminal.file.getvalue()


def test_colours_obey_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", value)
        monkeypatch.setenv("TERM", "xterm-256color")
        terminal = Console(file=io.StringIO(), force_terminal=True)
        monkeypatch.setattr(console, "colourful", lambda: True)
        monkeypatch.setattr(console, "stderr", lambda terminal=terminal: terminal)
        console.error("no")
        assert ("\x1b[1;31m" in terminal.file.getvalue()) is coloured
