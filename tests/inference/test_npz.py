from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aecli.errors import InputError
from aecli.inference import latents, npz, vectors


@pytest.mark.parametrize("load", [latents.load, vectors.load])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\3\4 and no more", None])
def test_damaged_files_are_refused_by_name(
    tmp_path: Path, load: Callable[[Path], object], content: bytes | None
) -> None:
    path = tmp_path / "z.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"z\.npz: (is no file of \w+|No such file)"):
        load(path)


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "z.npz"
    np.savez(path, large=np.zeros(20_000, np.float32), small=np.arange(3))
    whole = path.read_bytes()
    with npz.holding("numbers", path, "") as arrays:
        assert isinstance(arrays["large"], np.memmap)
        assert arrays["small"].tolist() == [0, 1, 2]
    for length in range(0, len(whole), 1999):
        path.write_bytes(whole[:length])
        with (
            pytest.raises(InputError, match="is no file of numbers"),
            npz.holding("numbers", path, ""),
        ):
            pass


def test_what_a_file_lacks_is_its_fault(tmp_path: Path) -> None:
    path = tmp_path / "z.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(InputError, match="is no file of b") as caught, npz.holding("b", path, "x"):
        _ = {}["b"]
    assert caught.value.hint == "x"
