"""The door to files: inputs -> sources -> a plan of jobs, and the atomic write of each result."""

from __future__ import annotations

from aecli.imaging.atomic import atomic
from aecli.imaging.inputs import Source, collect
from aecli.imaging.planning import Job, Naming, plan

__all__ = ["Job", "Naming", "Source", "atomic", "collect", "plan"]
