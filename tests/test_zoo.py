"""The model zoo: it lists what ships, its tables are the benchmarks', and the README agrees."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aecli.checkpoints import store
from tests.benchmarks.__main__ import replaced
from tests.benchmarks.tables import TABLES, markdown, models

ROOT = Path(__file__).parents[1]
ZOO = (ROOT / "pretrained" / "README.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
GUIDE = (ROOT / ".github" / "GUIDE.md").read_text("utf-8")


def table(name: str, text: str = ZOO) -> str:
    """What stands between a table's markers."""
    [found] = re.findall(rf"<!-- table {name} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    return found


@pytest.mark.parametrize("name", TABLES)
def test_every_table_of_the_benchmarks_has_its_place(name: str) -> None:
    rows = table(name).splitlines()
    assert len(rows) > 2
    assert all(row.count("|") == rows[0].count("|") for row in rows)


def test_the_list_of_models_is_what_ships() -> None:
    assert table("models") == markdown(models([]))
    cards = re.findall(r"\]\(([\w-]+)\.md\)", table("models"))
    shipped = store.bundled_folder().glob("*.safetensors")
    assert sorted(cards) == sorted(path.stem for path in shipped)


def test_a_table_replaces_what_stood_in_its_place() -> None:
    page = "a\n<!-- table x -->\nold\n<!-- end -->\nb\n"
    made = replaced(page, "x", markdown([["", "p"], ["q", "1.00"]]))
    assert made == "a\n<!-- table x -->\n|  | p |\n| --- | --- |\n| q | 1.00 |\n<!-- end -->\nb\n"
    assert table("x", made).splitlines()[-1] == "| q | 1.00 |"
    with pytest.raises(SystemExit):
        replaced(page, "y", "")


@pytest.mark.parametrize("name", ["white", "enlarged"])
def test_the_readmes_tables_are_the_zoos(name: str) -> None:
    assert table(name, README) == table(name)


@pytest.mark.parametrize("page", [README, GUIDE], ids=["README", "guide"])
def test_figures_of_quality_elsewhere_are_the_zoos(page: str) -> None:
    prose = re.sub(
        r"^```.*?^```$|^<!-- table.*?^<!-- end", "", page, flags=re.DOTALL | re.MULTILINE
    )
    for figure in re.findall(r"(\d+\.\d+) dB", prose):
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.])", ZOO), figure
    rows = re.findall(r"^\|.*\|$", prose, re.MULTILINE)
    assert not [row for row in rows if re.search(r"\d\.\d", row)], "figures stand in the zoo"


def test_cards_and_zoo_link_to_files_that_are_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", ZOO):
        assert "://" in link or (ROOT / "pretrained" / link).exists(), link
