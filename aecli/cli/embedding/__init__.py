"""The parts of `aecli embed`: what is asked, the vectors, and what is made of them."""

from __future__ import annotations

from aecli.cli.embedding.request import Request
from aecli.cli.embedding.run import run

__all__ = ["Request", "run"]
