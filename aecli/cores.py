"""The CPU's cores: how many there are for this process, and who gets how many threads."""

from __future__ import annotations

import math
import os
from pathlib import Path

_FEWEST_READERS, _MOST_READERS = 2, 8

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1, _PERIOD_V1 = (
    Path("/sys/fs/cgroup/cpu", name) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
)
"""Where Linux says how much of the processor a container may have, in control groups 2 and 1."""


def usable() -> int:
    """The cores that this process may use: those it is tied to, within its container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _quota() or cores))


def computing(most: int | None = None) -> int:
    """Threads that compute: as many as OMP_NUM_THREADS says, else one a usable core.

    torchrun sets that variable; who starts several processes on a machine otherwise does well to.

    Args:
        most: what more than this many gain nothing, where the variable says nothing.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # one a level of nesting
    if told.isdecimal() and int(told):
        return int(told)
    return min(usable(), most or usable())


def reading() -> int:
    """Threads that read and write files beside those that compute: half the cores, 2 to 8.

    They mostly wait for files, so that even a single core has two; more than eight would only wait
    for the network.
    """
    return min(max(_FEWEST_READERS, usable() // 2), _MOST_READERS)


def _quota() -> int | None:
    """Cores that the container may keep busy, rounded up; None where there is no limit."""
    try:
        said = _QUOTA.read_text().split()
    except OSError:
        try:
            said = [_QUOTA_V1.read_text(), _PERIOD_V1.read_text()]
        except OSError:
            return None
    try:
        quota, period = map(int, said)
    except ValueError:  # "max"
        return None
    return math.ceil(quota / period) if quota > 0 < period else None
