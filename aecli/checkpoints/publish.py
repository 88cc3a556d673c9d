"""`python -m aecli.checkpoints.publish FILE...`: models in the form that this aecli writes.

For maintainers: a file of an earlier version gets what checkpoints have come to hold since, such as
the graphs of its network; weights and metadata stay as they are. `SHA256SUMS` beside it follows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store

if TYPE_CHECKING:
    from collections.abc import Sequence


def publish(paths: Sequence[Path]) -> None:
    """Write models anew, and the checksums of their folders.

    Raises:
        ModelError: a file is damaged.
    """
    for path in paths:
        model = checkpoints.load(path)
        checkpoints.save(path, model.module.state_dict(), model.meta)
    for folder in {path.parent for path in paths}:
        files = sorted(folder.glob(f"*{store.SUFFIX}"))
        lines = [f"{store.sha256(file)}  {file.name}\n" for file in files]
        (folder / store.SUMS).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    publish([Path(name) for name in sys.argv[1:]])
