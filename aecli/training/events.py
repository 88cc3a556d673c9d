"""The course of a run as TensorBoard shows it: event files, an extra."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aecli.errors import TrainingError
from aecli.extras import TENSORBOARD
from aecli.training.folder import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def require() -> None:
    """See that what writes them is there.

    Raises:
        UsageError: it is not installed.
    """
    TENSORBOARD.load("a log for TensorBoard")


class Events:
    """An event file of a session of a run, beside those of the sessions before.

    It is written step by step, in no thread of its own, so that it is whole whatever ends the run,
    and an error is the run's.

    Args:
        folder: of the run.
        step: where the session begins: TensorBoard forgets what was told of later steps.

    Raises:
        UsageError: what writes them is not installed.
        TrainingError: the file cannot be written; so do all methods.
    """

    def __init__(self, folder: Path, step: int) -> None:
        require()
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = Event, Summary
        self._path = folder / EVENTS.replace("*", str(time.time_ns()))  # read in order of names
        self._file = self._path.open("xb")
        self._records = RecordWriter(self._file)
        self._put(file_version="brain.Event:2")
        if step:
            self._put(step=step + 1, session_log=SessionLog(status=SessionLog.START))

    def figures(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to the curve of each name; those of one prefix (`loss/`) stand together."""
        value = self._summary.Value
        self._summarise(step, *(value(tag=n, simple_value=v) for n, v in values.items()))

    def picture(self, step: int, name: str, png: bytes, size: tuple[int, int]) -> None:
        """Add a picture, `size` its height and width."""
        height, width = size
        image = self._summary.Image(height=height, width=width, encoded_image_string=png)
        self._summarise(step, self._summary.Value(tag=name, image=image))

    def close(self) -> None:
        """End the file, which holds all by then."""
        with suppress(OSError):
            self._file.close()

    def _summarise(self, step: int, *values: Any) -> None:
        if values:
            self._put(step=step, summary=self._summary(value=values))

    def _put(self, **content: Any) -> None:
        event = self._event(wall_time=time.time(), **content)
        try:
            self._records.write(event.SerializeToString())
            self._file.flush()
        except OSError as error:
            raise TrainingError(
                f"{self._path}: cannot be written: {error.strerror}", "the last good state is kept"
            ) from error
