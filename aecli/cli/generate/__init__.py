"""`aecli generate`: what is asked, of which model, the pictures, and where they go."""

from __future__ import annotations

from aecli.cli.generate.command import register

__all__ = ["register"]
