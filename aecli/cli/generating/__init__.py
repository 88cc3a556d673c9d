"""The parts of `aecli generate`: what is asked, of which model, the pictures, and where they go."""

from __future__ import annotations

from aecli.cli.generating.request import Request
from aecli.cli.generating.run import run

__all__ = ["Request", "run"]
