"""`aecli train`: a subcommand for each task, and what a run shows."""

from __future__ import annotations

from aecli.cli.train.command import register

__all__ = ["register"]
