from __future__ import annotations

import io
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from aecli.datasets import midi
from aecli.datasets.collecting import collect, find
from aecli.errors import InputError
from aecli.models.rolls import HOLD, REST, rolls
from tests.tunes import tune


def written(*melodies: list[int], text: dict[str, str] | None = None) -> bytes:
    """A MIDI file of melodies, 32 symbols each."""
    pictures = (255 * rolls(torch.tensor(melodies))[:, 0]).byte().numpy()
    file = io.BytesIO()
    midi.write(pictures, file, text or {})
    return file.getvalue()


def played(*notes: tuple[int, float, float], channel: int = 0) -> bytes:
    """A MIDI file of notes: pitch, beginning and end in sixteenths."""
    events = [(start, 1, pitch) for pitch, start, _ in notes]
    events += [(end, 0, pitch) for pitch, _, end in notes]
    track, now = mido.MidiTrack(), 0
    for time, on, pitch in sorted(events):
        ticks = round(time * 120)
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, note=pitch, time=ticks - now, channel=channel))
        now = ticks
    file = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(file=file)
    return file.getvalue()


def bars(picture: np.ndarray) -> dict[int, str]:
    """The rows of a roll in which something sounds, by pitch: `.` silent, `x` struck, `-` held."""
    names = {(False, False): ".", (False, True): "x", (True, True): "-"}
    lines = {}
    for row in np.flatnonzero(picture.any(axis=1)):
        pairs = (picture[row] > 0).reshape(-1, 2).tolist()
        lines[midi.LOWEST + midi.SIDE - 1 - int(row)] = "".join(names[a, b] for a, b in pairs)
    return lines


def test_melodies_survive_being_written() -> None:
    rng = np.random.default_rng(0)
    found = [tune(rng) for _ in range(9)]
    assert np.array_equal(
        midi.decode(written(*found), "x"), (255 * rolls(torch.tensor(found))[:, 0]).byte().numpy()
    )


def test_one_voice_is_kept_in_sixteenths() -> None:
    data = played((60, 0, 4), (67, 0, 2), (62, 4.1, 7.8), (64, 8.4, 8.45))
    [picture] = midi.decode(data, "x")
    assert {pitch: line[:10] for pitch, line in bars(picture).items()} == {
        67: "x-........",  # the highest of two
        60: "..x-......",
        62: "....x---..",
        64: "........x.",  # none is shorter
    }


def test_notes_beyond_the_roll_move_by_octaves_and_percussion_is_left_out() -> None:
    [picture] = midi.decode(played((20, 0, 1), (110, 1, 2)), "x")
    assert list(bars(picture)) == [98, 44]
    assert len(midi.decode(played((60, 0, 1), channel=9), "x")) == 0


def test_silent_bars_are_left_out_and_long_notes_struck_again() -> None:
    first, second = midi.decode(played((60, 24, 40), (60, 128, 130)), "x")[[0, 1]]
    assert bars(first) == {60: "." * 24 + "x-------"}
    assert bars(second) == {60: "x-------" + "." * 24}
    assert len(midi.decode(played((60, 24, 40), (60, 128, 130)), "x")) == 3


def test_what_a_file_says_of_itself_is_not_believed(tmp_path: Path) -> None:
    data = written([5, *[REST] * 31])
    no_key = data.replace(b"\xff\x51\x03", b"\xff\x59\x03")
    for broken in (b"", b"MThd", b"x" * 99, data[:40], no_key, played((60, 0, 2_000_000))):
        with pytest.raises(InputError, match=r"^a\.mid: "):
            midi.decode(broken, "a.mid")


def test_tunes_are_found_and_their_bars_named(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    path = tmp_path / "t/a.mid"
    path.write_bytes(written([5, *[HOLD] * 31], [9, *[REST] * 31], text={"Model": "x é"}))
    assert [item.path for item in collect([str(tmp_path)])] == [f"{path}::0", f"{path}::1"]
    assert find(str(path)) == find(f"{path}::0")
    assert find(f"{path}::1").image().pixels.sum() == 255


def test_without_mido_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(InputError, match="mido") as caught:
        midi.decode(b"", "a.mid")
    assert "aecli[music]" in (caught.value.hint or "")
