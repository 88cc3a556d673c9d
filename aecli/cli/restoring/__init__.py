"""What the commands that make pictures from pictures share: plan, run, score, report."""

from __future__ import annotations

from aecli.cli.restoring.purpose import Method, Purpose
from aecli.cli.restoring.run import run

__all__ = ["Method", "Purpose", "run"]
