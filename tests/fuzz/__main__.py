"""`python -m tests.fuzz [DIR]`: the program on thousands of mutants, and what did not hold."""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from tests import tiny
from tests.fuzz import samples
from tests.fuzz.mutants import mutants

PATIENCE = 10.0
"""Seconds that one command may take."""

MOST_KILOBYTES = 2 << 20
PART = 100
"""Files for a process."""

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Returns the exit code: 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path, help="a folder of files to begin with")
    parser.add_argument("--count", type=int, default=2000, help="mutants of pictures")
    parser.add_argument("--models", type=int, default=500, help="mutants of models")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        os.environ |= {"AECLI_HOME": str(home), "OMP_NUM_THREADS": "1"}
        models = tiny.models(home / "models")
        begin = samples.pictures() if options.corpus is None else _read(options.corpus)
        files = dict(mutants(begin, options.count, options.seed))
        weights = samples.checkpoints(models) if options.models else {}
        files |= {f"own-{name}": data for name, data in weights.items()}
        files |= dict(mutants(weights, max(0, options.models - len(weights)), options.seed))
        return _report(_run(Path(folder), files))


def _read(corpus: Path) -> dict[str, bytes]:
    paths = sorted(path for path in corpus.rglob("*") if path.is_file() and path.suffix)
    return {f"{number:04}-{path.name}": path.read_bytes() for number, path in enumerate(paths)}


def _run(folder: Path, files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """What did not hold: the file's name, and what that is; the names of sound ones with ``."""
    inputs, out, clean = folder / "in", folder / "out", folder / "clean.png"
    for path in (inputs, out):
        path.mkdir()
    Image.new("RGB", (24, 16), "teal").save(clean)
    for name, data in files.items():
        (inputs / name).write_bytes(data)
    left = sorted(inputs.iterdir())
    before = {path for path in folder.rglob("*") if path.is_file()}
    while left:
        part, left = left[:PART], left[PART:]
        done = 0
        for record in _child(out, clean, part):
            done += "begun" in record
            if "begun" not in record:
                yield Path(record["file"]).name, _fault(record)
            elif record["begun"] is None:
                name = part[done - 2].name
                yield name, record["fault"]
                left = part[done - 1 :] + left
                break
    models = folder / "home" / "models"
    for path in {path for path in folder.rglob("*") if path.is_file()} - before:
        if not any(place in path.parents for place in (out, models)):
            yield path.name, "is a file outside the target folder"
        elif path.name.startswith("."):
            yield path.name, "is half a file"
        elif path.suffix == ".png":
            with Image.open(path) as picture:
                picture.load()


def _child(out: Path, clean: Path, part: list[Path]) -> Iterator[dict[str, Any]]:
    """The records of a process of its own, and why it ended if it did so early."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.child", out, clean, *part],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: queue.Queue[str] = queue.Queue()

    def forward() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=forward, daemon=True).start()
    fault = None
    starting = 60.0
    while True:
        try:
            line = lines.get(timeout=PATIENCE + starting)
        except queue.Empty:
            process.kill()
            fault = f"hangs for more than {PATIENCE:g} s"
            break
        starting = 5.0  # what a busy machine adds
        if not line:
            break
        yield json.loads(line)
    _, said = process.communicate()
    if fault is None and process.returncode:
        fault = f"ends the process with {process.returncode}: {said[-300:]}"
    if fault is not None:
        yield {"begun": None, "fault": fault}


def _fault(record: dict[str, Any]) -> str:
    """What did not hold about one command; empty where all did."""
    said, command = record["said"], record["command"]
    if record["code"] not in (0, 1, 2, 3):
        return f"{command}: exit code {record['code']}"
    if "bug in aecli" in said or "Traceback" in said:
        return f"{command}: {said.strip().splitlines()[-2:]}"
    if record["code"] and "error: " not in said:
        return f"{command}: fails in silence"
    if record["seconds"] > PATIENCE:
        return f"{command}: takes {record['seconds']} s"
    if record["kilobytes"] > MOST_KILOBYTES:
        return f"{command}: takes {record['kilobytes'] >> 10} MiB"
    return ""


def _report(found: Iterator[tuple[str, str]]) -> int:
    counts: Counter[str] = Counter()
    for name, fault in found:
        counts["commands"] += 1
        if fault:
            counts["faults"] += 1
            _line(f"{name}: {fault}")
    _line(f"{counts['commands']} commands, {counts['faults']} faults")
    return min(1, counts["faults"])


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
