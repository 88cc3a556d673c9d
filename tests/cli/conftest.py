"""Calling the program inside the test's own process."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aecli.cli.app import run


@dataclass(frozen=True)
class Result:
    """What a call left behind."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


ROOT = Path(__file__).parents[2]


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """`python("-m", "aecli", ...)`: a process of its own, from any folder."""

    def call(*arguments: object, env: dict[str, str] | None = None, **options: Any) -> Any:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = os.environ | {"PYTHONPATH": path} | (env or {})
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, env=environment, check=False, **options)

    return call


Aecli = Callable[..., Result]


@pytest.fixture
def aecli(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Aecli:
    """`aecli("denoise", path, stdin=b"...")` -> Result."""

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        capsysbinary.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run([str(a) for a in arguments])
        out, err = capsysbinary.readouterr()
        return Result(code, out, err.decode())

    return call
