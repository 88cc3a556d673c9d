"""Measure the models that ship and print a table of the zoo as Markdown.

    python -m tests.benchmarks white CBSD68/ Kodak24/
    python -m tests.benchmarks enlarged Set5/ Set14/ --into pretrained/README.md

The folders are of clean test pictures that no model was trained on. --into replaces what stands in
a file between `<!-- table NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.benchmarks.tables import TABLES, markdown


def replaced(text: str, name: str, table: str) -> str:
    """A page with the table called `name` in the place of what stood there."""
    place = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if len(place.findall(text)) != 1:
        raise SystemExit(f"there is no place, or there are several, for the table {name}")
    return place.sub(lambda match: f"{match[1]}{table}{match[2]}", text)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    about = "; ".join(f"{name}: {table.__doc__}" for name, table in TABLES.items())
    parser.add_argument("table", choices=TABLES, help=about)
    parser.add_argument("folders", nargs="*", type=Path, help="of test pictures")
    parser.add_argument("--into", type=Path, help="a Markdown file to put the table into")
    options = parser.parse_args()
    table = markdown(TABLES[options.table](options.folders))
    sys.stdout.write(table)
    if options.into is not None:
        page = options.into.read_text("utf-8")
        options.into.write_text(replaced(page, options.table, table), "utf-8")


if __name__ == "__main__":
    main()
