"""Runs the program on one file after another, in this process, and tells of each: a line of JSON.

    python -m tests.fuzz.child OUT CLEAN FILE...

What becomes of pictures goes to the folder OUT; CLEAN is a sound picture for models to work on.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from aecli import extras
from aecli.cli import console
from aecli.cli.app import run

MODEL = ".safetensors"


def commands(path: Path, out: Path, clean: Path) -> list[list[str]]:
    """What is asked of a file."""
    name = str(path)
    if path.suffix == MODEL:
        return [
            ["models", "show", "denoise", name],
            ["models", "add", name, "--name", path.stem[:60], "--overwrite"],
            ["denoise", str(clean), "-m", name, "-o", f"{out}/{path.stem}.png", "--overwrite"],
        ]
    places = [f"{out}/{command}/" for command in ("denoise", "upscale")]
    return [
        ["denoise", name, "-m", "tiny", "-o", places[0], "--json"],
        ["upscale", name, "-m", "tiny", "-o", places[1], "--json", "-f", "png"],
        ["embed", name, "-m", "tiny", "-o", f"{out}/vectors.npz", "--overwrite"],
    ]


def main(out: Path, clean: Path, files: list[Path]) -> None:
    """Run them all."""
    warnings.filterwarnings("ignore", module="PIL")
    for command in commands(clean, out / "first", clean):
        _run(command)  # whatever is imported, it counts for no file
    for extra in (extras.HEIF, extras.RAW):
        if extra.there:
            importlib.import_module(extra.module)
    for path in files:
        _line(json.dumps({"begun": str(path)}))
        for command in commands(path, out, clean):
            facts = {"file": str(path), "command": command[0], **_run(command)}
            _line(json.dumps(facts))


def _run(command: list[str]) -> dict[str, Any]:
    """What came of a command."""
    started = time.monotonic()
    said = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")
    data = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="surrogateescape")
    console.stderr.cache_clear()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(data):
        code = run(command)
    said.flush()
    return {
        "code": code,
        "said": said.buffer.getvalue().decode(),
        "seconds": round(time.monotonic() - started, 2),
        "kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
