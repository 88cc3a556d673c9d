from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aecli import cores
from aecli import device as devices
from aecli.cli.embed.request import EmbedRequest
from aecli.cli.restore.request import RestoreRequest


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Makes believe that there are so many cores, and so much of them for this container."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def set_up(count: int, quota: str = "max 100000", version: int = 2) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)), raising=False)
        files = [tmp_path / name for name in ("cpu.max", "quota", "period")]
        for name, path in zip(("_QUOTA", "_QUOTA_V1", "_PERIOD_V1"), files, strict=True):
            monkeypatch.setattr(cores, name, path)
        texts = {2: [quota], 1: ["", *quota.split()]}[version]
        for path, text in zip(files, texts, strict=False):
            if text:
                path.write_text(f"{text}\n")

    return set_up


@pytest.mark.parametrize(
    ("count", "computing", "reading"), [(1, 1, 2), (2, 2, 2), (4, 4, 2), (8, 8, 4), (64, 64, 8)]
)
def test_threads_grow_with_the_cores(machine, count: int, computing: int, reading: int) -> None:
    machine(count)
    assert (cores.usable(), cores.computing(), cores.reading()) == (count, computing, reading)


@pytest.mark.parametrize(
    ("quota", "version", "usable"),
    [
        ("200000 100000", 2, 2),
        ("150000 100000", 2, 2),
        ("50000 100000", 2, 1),
        ("6400000 100000", 2, 16),
        ("max 100000", 2, 16),
        ("", 2, 16),
        ("300000 100000", 1, 3),
        ("-1 100000", 1, 16),
    ],
)
def test_a_container_has_no_more_than_its_quota(
    machine, quota: str, version: int, usable: int
) -> None:
    machine(16, quota, version)
    assert cores.usable() == usable


@pytest.mark.parametrize(("told", "expected"), [("3", 3), ("3,2", 3), ("0", 8), ("", 8), ("x", 8)])
def test_omp_num_threads_counts(
    machine, monkeypatch: pytest.MonkeyPatch, told: str, expected: int
) -> None:
    machine(8)
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert cores.computing() == expected


def test_hyperthreads_do_not_compute_unless_asked(machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(8)
    assert cores.computing(4) == 4
    assert cores.computing(16) == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert cores.computing(4) == 8


@pytest.mark.parametrize(("physical", "count", "threads"), [(32, 64, 32), (4, 1, 1), (8, 8, 8)])
def test_ncnn_has_a_thread_a_core(
    machine,
    monkeypatch: pytest.MonkeyPatch,
    tiny_denoiser: Path,
    physical: int,
    count: int,
    threads: int,
) -> None:
    ncnn = pytest.importorskip("ncnn")
    machine(count)
    monkeypatch.setattr(ncnn, "get_physical_big_cpu_count", lambda: physical)
    from aecli.inference import engine_ncnn

    used = []
    monkeypatch.setattr(
        engine_ncnn, "Function", lambda *a, **_: used.append(a[2]) or (lambda x, *_: x)
    )
    engine = engine_ncnn.NcnnEngine(tiny_denoiser)
    engine.calls[0]("restore", np.zeros((1, 3, 8, 8), np.float32))
    assert used == [threads]


def test_torch_keeps_within_the_quota(machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    told = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    machine(64, "400000 100000")
    devices.choose("cpu")
    assert told == [4]


@pytest.mark.parametrize(("count", "readers"), [(1, 2), (4, 2), (8, 4), (64, 8)])
def test_readers_leave_torch_its_share(machine, count: int, readers: int) -> None:
    import torch

    machine(count)
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with devices.choose("cpu", "fp32").reserve_threads(cores.reading()):
            assert torch.get_num_threads() == max(1, count - readers)
        assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("request_type", [EmbedRequest, RestoreRequest])
def test_the_default_of_workers_is_the_machines(request_type: type) -> None:
    assert request_type.__dataclass_fields__["workers"].default == cores.reading()
