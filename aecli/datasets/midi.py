"""Melodies as pictures: MIDI files are read as piano rolls, and piano rolls written as MIDI files.

A roll is a grey picture of `SIDE` x `SIDE` pixels, white on black: a row for each of 64 semitones,
the highest on top, and two columns for each of 32 sixteenths, two bars of common time. The right
column of a sixteenth is white where a note sounds; the left one, too, where it has sounded before:
so there is a gap before a note that is struck, and the picture holds all of the melody.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli import extras
from aecli.datasets.item import in_array
from aecli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from aecli.datasets.item import Item

    Rolls = NDArray[np.uint8]

SUFFIXES = (".mid", ".midi")

SIDE = 64
"""Of a roll: semitones, and columns."""

STEPS = SIDE // 2
"""Sixteenths of a roll."""

LOWEST = 36
"""The MIDI number of the lowest semitone, C2 where middle C is C4; notes beyond move by octaves."""

LONGEST = 10_000
"""Rolls of a file that is read."""

_HIGHEST = LOWEST + SIDE - 1
_WHITE = 255
_TICKS = 120
"""A sixteenth's, in files that are written."""
_TEMPO = 600_000
"""Microseconds of a quarter there: 100 a minute."""
_VELOCITY = 80
_DRUMS = 9
"""The channel of percussion, counted from 0."""
_UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError)
"""What mido raises on files that are none of MIDI, or damaged."""


def is_tune(path: Path) -> bool:
    """Whether a file is one of MIDI, by its name."""
    return path.suffix.lower() in SUFFIXES


def read(path: Path) -> dict[str, Item]:
    """The rolls of a MIDI file's melody by their numbers.

    Raises:
        InputError: it cannot be read, or as `decode`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return in_array(path, decode(data, str(path)))


def decode(data: bytes, name: str) -> Rolls:
    """The melody of a MIDI file as rolls, one after another whatever its metre, silent ones not.

    One voice: of notes that sound at once the highest is kept; percussion is left out. Times are
    rounded to sixteenths. A note that lasts beyond the end of a roll is struck again in the next.

    Args:
        data: the file's content.
        name: what messages call it.

    Returns:
        (N, SIDE, SIDE); without notes there are none.

    Raises:
        InputError: it is no MIDI file, damaged or very long, or mido is not installed.
    """
    try:
        notes = sorted(_notes(data))
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{name}: is no MIDI file, or damaged ({reason})") from None
    count = -(-max((end for _, _, end in notes), default=0) // STEPS)
    if count > LONGEST:
        raise InputError(f"{name}: its music is longer than {LONGEST * 2:,} bars")
    sounding = np.full(count * STEPS, -1)  # which note
    for number, (_, start, end) in enumerate(notes):
        sounding[start:end] = number
    tied = sounding[1:] == sounding[:-1]
    step = np.flatnonzero(sounding >= 0)
    row = _HIGHEST - np.array([pitch for pitch, _, _ in notes], int)[sounding[step]]
    rolls = np.zeros((count, SIDE, SIDE), np.uint8)
    roll, column = step // STEPS, 2 * (step % STEPS)
    rolls[roll, row, column + 1] = _WHITE
    held = (column > 0) & tied[step - 1]
    rolls[roll[held], row[held], column[held]] = _WHITE
    return rolls[rolls.any(axis=(1, 2))]


def write(rolls: Rolls, file: BinaryIO, text: Mapping[str, str]) -> None:
    """Write rolls (N, SIDE, SIDE), one after another, as one piece of music: 100 quarters a minute.

    Grey counts as white from the middle on. Rolls may hold several voices.

    Args:
        rolls: the rolls.
        file: takes the MIDI file.
        text: what stands in it beside the notes.

    Raises:
        InputError: mido is not installed.
    """
    mido = _mido()
    grid = np.concatenate(list(rolls), axis=1) > _WHITE // 2
    sounding, tied = grid[:, 1::2], grid[:, ::2].copy()
    tied[:, ::STEPS] = False
    tied[:, 1:] &= sounding[:, 1:] & sounding[:, :-1]
    row, first = np.nonzero(sounding & ~tied)
    _, last = np.nonzero(sounding & ~np.pad(tied[:, 1:], ((0, 0), (0, 1))))
    events = [
        (step, on, pitch)
        for steps, on in ((first, True), (last + 1, False))
        for step, pitch in zip(steps.tolist(), (_HIGHEST - row).tolist(), strict=True)
    ]
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=_TEMPO)])
    track += [mido.MetaMessage("text", text=f"{key}: {value}") for key, value in text.items()]
    now = 0
    for step, on, pitch in sorted(events):
        kind, velocity = ("note_on", _VELOCITY) if on else ("note_off", 0)
        time = (step - now) * _TICKS
        track.append(mido.Message(kind, note=pitch, velocity=velocity, time=time))
        now = step
    made = mido.MidiFile(type=0, ticks_per_beat=4 * _TICKS, charset="utf-8", tracks=[track])
    made.save(file=file)


def _notes(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Pitch, first sixteenth and the one after the last, of all notes in a MIDI file."""
    mido = _mido()
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True, charset="utf-8")
    except mido.KeySignatureError as error:  # the only one of mido's that is of no usual kind
        raise ValueError(str(error)) from None
    sixteenth = file.ticks_per_beat / 4
    if sixteenth <= 0:
        raise ValueError("its time is not in beats")
    began: dict[tuple[int, int], int] = {}
    now = 0
    for message in mido.merge_tracks(file.tracks):
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == _DRUMS:
            continue
        key = message.channel, message.note
        if key in began:
            start = round(began.pop(key) / sixteenth)
            yield _within(message.note), start, max(start + 1, round(now / sixteenth))
        if message.type == "note_on" and message.velocity:
            began[key] = now


def _within(pitch: int) -> int:
    """A pitch, or one of its octaves, that a roll has a row for."""
    if pitch < LOWEST:
        return LOWEST + (pitch - LOWEST) % 12
    return _HIGHEST - (_HIGHEST - pitch) % 12 if pitch > _HIGHEST else pitch


def _mido() -> Any:
    return extras.MUSIC.load("MIDI", InputError)
