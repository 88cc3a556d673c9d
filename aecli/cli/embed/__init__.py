"""`aecli embed`: what is asked, the vectors, and what is made of them."""

from __future__ import annotations

from aecli.cli.embed.command import register

__all__ = ["register"]
