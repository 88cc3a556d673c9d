"""The container image is built of what a wheel is built of, and of nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_build_sees_all_that_a_wheel_is_made_of() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, build = settings["project"], settings["tool"]["hatch"]["build"]["targets"]
    read = {
        "pyproject.toml",
        project["readme"],
        *project["license-files"],
        *build["wheel"]["packages"],
        *build["wheel"]["force-include"],
        build["wheel"]["hooks"]["custom"]["path"],
    }
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == read
    assert read <= {*build["sdist"]["include"], "pyproject.toml"}, "and so does a source archive"


def test_it_runs_on_a_python_that_is_tested() -> None:
    recipe = (ROOT / ".github" / "Dockerfile").read_text("utf-8")
    [python] = re.findall(r"^ARG PYTHON=([\d.]+)$", recipe, re.MULTILINE)
    tested = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    [versions] = re.findall(r"python: \[(.*)\]", tested)
    listed = re.findall(r'"([\d.]+)"', versions)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if ":: 3." in c]
    assert python in listed
    assert listed == named
    assert project["requires-python"] == f">={listed[0]}"
