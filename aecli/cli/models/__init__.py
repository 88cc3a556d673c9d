"""`aecli models`: look at, check, add, share and remove models."""

from __future__ import annotations

from aecli.cli.models.command import register

__all__ = ["register"]
