from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aecli.errors import InputError
from aecli.files.atomic import atomic

ROOT = Path(__file__).parents[2]


def put(target: Path, data: bytes = b"new", *, overwrite: bool = False) -> None:
    with atomic(target, overwrite=overwrite) as file:
        file.write(data)


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folders" / "a ä.png"
    with atomic(target, overwrite=False) as file:
        file.write(b"data")
        file.seek(0)
        assert file.read() == b"data"
        assert not target.exists()
    assert target.read_bytes() == b"data"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("existing", [None, b"old"])
def test_a_block_that_fails_leaves_things_as_they_were(tmp_path, error, existing) -> None:
    target = tmp_path / "a.png"
    if existing is not None:
        target.write_bytes(existing)
    with pytest.raises(error), atomic(target, overwrite=True) as file:
        file.write(b"half")
        raise error
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [existing] * (existing is not None)


def test_an_existing_file_is_replaced_only_on_demand(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match="exists already"):
        put(target)
    assert target.read_bytes() == b"old"
    put(target, overwrite=True)
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_a_file_that_comes_to_be_meanwhile_is_kept(
    tmp_path: Path, monkeypatch, links: bool
) -> None:
    if not links:

        def refuse(*args: object, **options: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "a.png"
    with pytest.raises(InputError, match="exists already"), atomic(target, overwrite=False) as file:
        file.write(b"mine")
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"
    put(tmp_path / "b.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        put(tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.png"
    real.parent.mkdir()
    real.write_bytes(b"old")
    link = tmp_path / "link.png"
    link.symlink_to(real)
    put(link, overwrite=True)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert list(real.parent.iterdir()) == [real]


def test_a_device_is_written_to_and_not_replaced() -> None:
    put(Path(os.devnull))
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("target", ["file/a.png", "x" * 300 + ".png"])
def test_what_the_system_refuses_is_named(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"a\.png: cannot be written|x: |x\.png: cannot"):
        put(tmp_path / target)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        put(tmp_path / "a.png")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(InputError, match="No space left"),
        atomic(tmp_path / "a.png", overwrite=False),
    ):
        raise full
    assert list(tmp_path.iterdir()) == []


def test_libraries_see_where_the_file_lies(tmp_path: Path) -> None:
    with atomic(tmp_path / "a.tif", overwrite=False) as file:  # tifffile looks at the name
        assert Path(file.name).parent == tmp_path


def test_the_longest_name_works(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 251 + ".png")
    put(target)
    assert target.read_bytes() == b"new"


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are Linux's")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path, overwrite: bool) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from aecli.files.atomic import atomic\n"
        f"with atomic(Path(sys.argv[1]), overwrite={overwrite}) as file:\n"
        "    file.write(bytes(1 << 20)); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    target = tmp_path / "a.png"
    if overwrite:
        target.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", program, target], check=False, cwd=ROOT)
    assert done.returncode == -9
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"] * overwrite
