from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aecli import device as devices
from aecli.device import Precision, Runtime, Terms, choose
from aecli.errors import UsageError


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Toy 9000")


@pytest.mark.parametrize(
    ("hardware", "expected"), [(True, Precision.BF16), (False, Precision.FP32)]
)
def test_the_cpu_computes_in_bf16_only_where_it_has_it(
    cpu_only: None, monkeypatch: pytest.MonkeyPatch, hardware: bool, expected: Precision
) -> None:
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: hardware)
    runtime = choose()
    assert (runtime.device.type, runtime.precision) == ("cpu", expected)
    assert str(runtime.reason) == f"cpu, {expected.value}, chosen automatically"


def test_a_gpu_is_preferred(two_gpus: None) -> None:
    runtime = choose()
    assert runtime.device == torch.device("cuda", 0)
    assert runtime.precision is Precision.FP16
    assert str(runtime.reason) == "cuda:0 (Toy 9000), fp16, chosen automatically"
    assert choose("cuda:1").device == torch.device("cuda", 1)


@pytest.mark.parametrize(("has", "expected"), [(True, Precision.BF16), (False, Precision.FP16)])
def test_training_on_a_gpu_prefers_bf16(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch, has: bool, expected: Precision
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has)
    assert choose(training=True).precision is expected
    assert choose(precision="fp32", training=True).precision is Precision.FP32


def test_the_environment_names_the_device(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AECLI_DEVICE", "cpu")
    assert choose().device.type == "cpu"
    assert str(choose(precision="fp32").reason) == "cpu, from AECLI_DEVICE; fp32, asked for"
    assert choose("cuda").device.type == "cuda"
    monkeypatch.setenv("AECLI_DEVICE", "tpu")
    with pytest.raises(UsageError, match="AECLI_DEVICE: unknown device 'tpu'"):
        choose()


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_an_absent_device_is_an_error(cpu_only: None, name: str) -> None:
    with pytest.raises(UsageError, match="this machine"):
        choose(name)


def test_an_absent_gpu_is_an_error(two_gpus: None) -> None:
    with pytest.raises(UsageError, match="the last is cuda:1"):
        choose("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cpu:1", "mps:0", "CPU", " "])
def test_an_unknown_device_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="unknown device"):
        choose(name)


@pytest.mark.parametrize(("name", "match"), [("int8", "unknown precision"), ("fp16", "a GPU")])
def test_a_precision_that_cannot_be_is_an_error(name: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        choose("cpu", name)


@pytest.mark.parametrize(("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_autocast_computes_in_the_precision(name: str, dtype: torch.dtype) -> None:
    runtime = choose("cpu", name)
    layer = runtime.prepare(torch.nn.Conv2d(3, 4, 1).train())
    assert not layer.training
    assert not any(p.requires_grad for p in layer.parameters())
    with runtime.autocast():
        assert layer(torch.rand(1, 3, 5, 5)).dtype == dtype
    with runtime.in_fp32().autocast():
        assert layer(torch.rand(1, 3, 5, 5)).dtype == torch.float32


def test_fp32_on_cuda_is_not_tf32() -> None:
    runtime = Runtime(torch.device("cuda"), Precision.FP32, Terms(()))
    before = torch.backends.cudnn.allow_tf32
    with runtime.autocast():
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: ...)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert devices.is_out_of_memory(error) is expected


@pytest.mark.parametrize(
    ("platform", "machine", "files", "expected"),
    [
        ("linux", "x86_64", (), False),
        ("linux", "x86_64", ("/dev/nvidiactl",), True),
        ("linux", "x86_64", ("/dev/kfd",), True),
        ("darwin", "arm64", (), True),
        ("darwin", "x86_64", ("/dev/nvidiactl",), False),
    ],
)
def test_drivers_tell_whether_there_may_be_a_gpu(
    monkeypatch: pytest.MonkeyPatch, platform: str, machine: str, files: tuple[str], expected: bool
) -> None:
    monkeypatch.setattr(devices.sys, "platform", platform)
    monkeypatch.setattr(devices.platform, "machine", lambda: machine)
    monkeypatch.setattr(devices.Path, "exists", lambda self: str(self) in files)
    assert devices.may_have_gpu() is expected


def test_the_cpu_allocators_error_is_one_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 45)
    assert devices.is_out_of_memory(caught.value)


def test_denormals_count_as_zero_while_asked_for() -> None:
    small = torch.tensor([1e-30, 2e-30])
    with devices.denormals_flushed():
        assert (small * 1e-12).tolist() == [0, 0]
    assert (small * 1e-12 > 0).all()


def test_cores_are_left_to_other_threads() -> None:
    before = torch.get_num_threads()
    runtime = choose("cpu")
    with runtime.reserve_threads(100):
        assert torch.get_num_threads() == 1
        with runtime.reserve_threads(0):
            assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor: 0\nflags\t\t: fpu avx512_bf16 amx_bf16 amx_tile\n", True),
        ("processor: 0\nflags\t\t: fpu avx512_bf16\n", False),
        ("bugs: amx_bf16\n", False),
        ("", False),
        (None, False),
    ],
)
def test_tiles_are_seen_before_torch_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, expected: bool
) -> None:
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(devices, "_CPUINFO", path)
    assert devices.cpu_has_tiles.__wrapped__() is expected


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_memory_that_is_kept_stays_with_the_process() -> None:
    code = (
        "import torch; from pathlib import Path; from aecli import device;"
        "device.keep_memory(); x = torch.ones(50_000_000); del x;"
        "print(int(Path('/proc/self/statm').read_text().split()[1]) * 4096)"
    )
    kept, given_back = (
        int(subprocess.check_output([sys.executable, "-c", text]))
        for text in (code, code.replace("device.keep_memory();", ""))
    )
    assert kept - given_back > 150_000_000
