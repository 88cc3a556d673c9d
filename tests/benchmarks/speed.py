"""How fast networks, commands and functions are, by every engine that is installed, as Markdown.

    python -m tests.benchmarks.speed PHOTOS
    python -m tests.benchmarks.speed PHOTOS --only network,start --rounds 3
    python -m tests.benchmarks.speed PHOTOS --only folder --crop 0

Every figure is the least of several rounds in which the engines take turns, so that their ratios
hold where the machine's speed drifts, and every measurement is a process of its own. In about four
minutes on two cores; --crop 0 takes the photos as they are, and longer. The tables:

- network: seconds a megapixel of result through the network alone, of what PyTorch takes in fp32,
  and the most memory; beside networks of the usual size, as PyTorch runs them without further ado;
- threads: the same with one thread and with all;
- start: from the prompt to the first tile of a large picture, and to the end of a small one, beside
  `import torch`; and the function in Python, called again;
- folder: a folder of photos through the commands, as JPEG and as PNG, and the most memory;
- latents: embed and generate.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aecli import cores
from aecli.checkpoints import portable, store
from tests.benchmarks.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.tables import Table

METHODS = {"denoise": "restore", "upscale": "upscale"}
SCALES = {"denoise": 1, "upscale": 2}
WHOLE = "torch fp32"
ENGINES = {
    WHOLE: ["--engine", "torch", "--precision", "fp32"],
    "torch bf16": ["--engine", "torch", "--precision", "bf16"],
    "ncnn": ["--engine", "ncnn"],
}
YARDSTICK = "yardstick"
PASSES = 3
"""Of a network in one process; the first makes it ready."""


@dataclass(frozen=True)
class Setting:
    """What was asked for on the command line."""

    photos: Path | None
    crop: int
    side: int
    rounds: int
    folder: Path


def yardstick(task: str) -> Callable[..., Any]:
    """A network of the usual size in PyTorch: fp32, eager, NCHW.

    For denoising FFDNet's shape (Zhang et al. 2018): 12 convolutions, 96 channels, half the grid.
    For enlarging one of IMDN's size (Hui et al. 2019): 0.7 million multiply-adds a small pixel.
    """
    import torch
    from torch import nn

    width, layers = (96, 12) if task == "denoise" else (64, 21)
    ends = (16, 12) if task == "denoise" else (3, 12)
    sizes = [ends[0], *[width] * (layers - 1), ends[1]]
    convolutions: list[nn.Module] = []
    for before, after in pairwise(sizes):
        convolutions += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    network = nn.Sequential(*convolutions[:-1], nn.PixelShuffle(2)).eval()

    def call(_: str, *inputs: Any) -> Any:
        with torch.inference_mode():
            x = torch.from_numpy(np.concatenate(inputs, 1))
            x = nn.functional.pixel_unshuffle(x, 2) if task == "denoise" else x
            return network(x).numpy()

    return call


def engine_call(task: str, engine: str, threads: int) -> Callable[..., Any]:
    """What calls a shipped network's methods."""
    path = (store.scales(task)[SCALES[task]] if task == "upscale" else store.find(task)).path
    if engine == "ncnn":
        from aecli.inference.engine_ncnn import NcnnEngine

        return NcnnEngine(path, threads).fp32[0]
    if engine == "onnxruntime":
        import onnxruntime

        from aecli.checkpoints import onnx

        network = portable.read(path)
        assert network is not None
        run = onnxruntime.InferenceSession(onnx.export(network, {}))
        names = [each.name for each in run.get_inputs()]
        return lambda _, *inputs: run.run(None, dict(zip(names, inputs, strict=True)))[0]
    from aecli import device
    from aecli.inference.engine_torch import TorchEngine

    return TorchEngine(path, device.choose("cpu", engine.split()[1])).calls[0]


def bare(task: str, engine: str, side: int, threads: int) -> dict[str, float]:
    """Seconds a megapixel of result, and MiB at most: in this process, which does nothing else."""
    if engine.startswith("torch") or engine == YARDSTICK:
        import torch

        torch.set_num_threads(threads)
    call = yardstick(task) if engine == YARDSTICK else engine_call(task, engine, threads)
    x = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    inputs = [x] if task == "upscale" else [x, np.full_like(x[:, :1], 0.1)]
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        result = call(METHODS[task], *inputs)
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": min(seconds) / (result[0, 0].size / 1e6), "MiB": peak}


def first_tile(launched: float, *arguments: str) -> dict[str, float]:
    """Seconds from the launch of this process until a command has done the first tile."""
    from aecli.cli.app import run
    from aecli.inference.tiled import TiledModel

    ends: list[float] = []
    genuine = TiledModel.run

    def watched(self: Any, method: Any, pixels: Any, tile: Any, progress: Any, **more: Any) -> Any:
        def tell(done: int, total: int) -> None:
            ends.append(time.time())
            if progress is not None:
                progress(done, total)

        return genuine(self, method, pixels, tile, tell, **more)

    TiledModel.run = watched  # type: ignore[method-assign]
    if run([*arguments, "--quiet"]) != 0:
        raise SystemExit("the command failed")
    return {"seconds": ends[0] - launched}


def again(task: str, engine: str, side: int) -> dict[str, float]:
    """Seconds that the function in Python takes when it is called a second time."""
    import aecli

    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    name, _, precision = engine.partition(" ")
    for _ in range(2):
        started = time.perf_counter()
        getattr(aecli, task)(pixels, engine=name, precision=precision or "auto")
    return {"seconds": time.perf_counter() - started}


def child(*arguments: object) -> dict[str, float]:
    """What one of the functions above finds in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.speed", "--child", *map(str, arguments)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(said)
    return found


def process(*arguments: str) -> dict[str, float]:
    """Seconds that Python takes for something, and MiB at most."""
    started = time.perf_counter()
    running = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return {"seconds": time.perf_counter() - started, "MiB": used.ru_maxrss / 1024}


def least(
    measures: dict[str, Callable[[], dict[str, float]]], rounds: int
) -> dict[str, dict[str, float]]:
    """The quickest of several rounds of each, by turns."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name, measure in measures.items():
            found = measure()
            best[name] = min(best.get(name, found), found, key=lambda v: v["seconds"])
    return best


def engines() -> list[str]:
    """Those that are installed."""
    known = {name: name.split()[0] for name in (*ENGINES, "onnxruntime")}
    return [name for name, module in known.items() if find_spec(module)]


def cell(found: dict[str, float], whole: float, digits: int = 2) -> str:
    """`0.70 (0.50), 210 MiB`: seconds, of what PyTorch takes, memory."""
    memory = f", {found['MiB']:.0f} MiB" if "MiB" in found else ""
    return f"{found['seconds']:.{digits}f} ({found['seconds'] / whole:.2f}){memory}"


def network(setting: Setting) -> Table:
    """The networks alone."""
    names = engines()
    usual = ["usual network", "ncnn of it"]
    rows = [["s/MP of result", *names, *usual]]
    for task in METHODS:
        measures = {
            name: lambda t=task, n=name: child("bare", t, n, setting.side, cores.usable())
            for name in (*names, YARDSTICK)
        }
        best = least(measures, setting.rounds)
        whole, usually = (best[name]["seconds"] for name in (WHOLE, YARDSTICK))
        row = [cell(best[name], whole) for name in names]
        fast = f"{best['ncnn']['seconds'] / usually:.2f}" if "ncnn" in best else "-"
        rows.append([task, *row, f"{usually:.2f}", fast])
    return rows


def threads(setting: Setting) -> Table:
    """One thread, and all."""
    counts = sorted({1, cores.usable()})
    rows = [["denoise, s/MP", *(f"{count} threads" for count in counts)]]
    for name in ENGINES:
        if name in engines():
            measures = {
                str(count): lambda n=name, c=count: child("bare", "denoise", n, setting.side, c)
                for count in counts
            }
            best = least(measures, setting.rounds)
            rows.append([name, *(f"{found['seconds']:.2f}" for found in best.values())])
    return rows


def start(setting: Setting) -> Table:
    """From the prompt to a small result."""
    small, large = setting.folder / "small.png", setting.folder / "large.png"
    for path, side in ((small, 256), (large, 1024)):
        noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(noise).save(path)
    out = ["-o", str(setting.folder / "out.png"), "--overwrite"]
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "import torch": lambda: process("-c", "import torch")
    }
    for name, options in ENGINES.items():
        if name not in engines():
            continue
        words = ["denoise", str(small), *out, *options]
        measures[f"denoise, 256 pixels, {name}"] = lambda w=words: process("-m", "aecli", *w)
        wide = ["denoise", str(large), *out, *options]
        measures[f"first tile of 1024 pixels, {name}"] = lambda w=wide: child(
            "first", time.time(), *w
        )
        measures[f"aecli.denoise again, {name}"] = lambda n=name: child("again", "denoise", n, 256)
    pipe = (
        "import subprocess as s, sys; a = [sys.executable, '-m', 'aecli']; "
        f"f = open({str(small)!r}, 'rb'); "
        "p = s.Popen([*a, 'denoise', '-', '-q'], stdin=f, stdout=s.PIPE); "
        "s.run([*a, 'upscale', '-', '-q'], stdin=p.stdout, stdout=s.DEVNULL, check=True)"
    )
    measures["denoise - | upscale -, 256 pixels"] = lambda: process("-c", pipe)
    best = least(measures, setting.rounds)
    whole = best["import torch"]["seconds"]
    rows = [["start", "s", "of `import torch`"]]
    return rows + [
        [name, f"{found['seconds']:.2f}", f"{found['seconds'] / whole:.2f}"]
        for name, found in best.items()
    ]


def folder(setting: Setting) -> Table:
    """A folder of photos."""
    photos, count, pixels = _photos(setting)
    names = [name for name in ENGINES if name in engines()]
    rows = [[f"{count} photos, {pixels / 1e6:.1f} MP, s", *names]]
    for task in METHODS:
        for form in ("jpg", "png"):
            made = setting.folder / f"{task}-{form}"
            words = ["-m", "aecli", task, str(photos), "-f", form, "--overwrite", "-o", f"{made}/"]
            measures = {n: lambda w=words, n=n: process(*w, "-q", *ENGINES[n]) for n in names}
            best = least(measures, max(1, setting.rounds // 2))
            whole = best[WHOLE]["seconds"]
            rows.append([f"{task}, {form}", *(cell(best[name], whole, 1) for name in names)])
    return rows


def latents(setting: Setting) -> Table:
    """Embed and generate."""
    photos, count, _ = _photos(setting)
    made = ["--overwrite", "-q"]
    commands = {
        f"embed, {count} photos": ["embed", str(photos), "-o", f"{setting.folder}/z.npz", *made],
        "generate -m mnist-2d --manifold": [
            *("generate", "-m", "mnist-2d", "--manifold"),
            *(f"{setting.folder}/a.png", *made),
        ],
        "generate --n 64": ["generate", "--n", "64", f"{setting.folder}/b.png", *made],
    }
    rows = [["s", "chosen", "torch"]]
    for name, words in commands.items():
        chosen = {"auto": [], "torch": ["--engine", "torch"]}
        measures = {
            each: lambda w=words, o=options: process("-m", "aecli", *w, *o)
            for each, options in chosen.items()
        }
        best = least(measures, setting.rounds)
        rows.append([name, *(f"{found['seconds']:.2f}" for found in best.values())])
    return rows


TABLES = {table.__name__: table for table in (network, threads, start, folder, latents)}
CHILDREN = {
    "bare": lambda task, engine, side, count: bare(task, engine, int(side), int(count)),
    "first": lambda launched, *arguments: first_tile(float(launched), *arguments),
    "again": lambda task, engine, side: again(task, engine, int(side)),
}


def _photos(setting: Setting) -> tuple[Path, int, int]:
    """A folder of JPEGs, how many there are, and their pixels."""
    if setting.photos is None:
        raise SystemExit("name a folder of photos")
    made = setting.folder / "photos"
    made.mkdir(exist_ok=True)
    count = pixels = 0
    for path in sorted(p for p in setting.photos.rglob("*") if p.suffix in (".jpg", ".png")):
        with Image.open(path) as picture:
            width, height = picture.size
            if setting.crop:
                left, top = max(0, width - setting.crop) // 2, max(0, height - setting.crop) // 2
                picture = picture.crop((left, top, left + setting.crop, top + setting.crop))
            picture.convert("RGB").save(made / f"{count:03}.jpg", quality=95)
            pixels += picture.size[0] * picture.size[1]
        count += 1
    return made, count, pixels


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", nargs="?", type=Path, help="a folder of photos")
    parser.add_argument("--only", default=",".join(TABLES), help="tables, joined by commas")
    parser.add_argument("--crop", type=int, default=384, help="of the photos' middle; 0: whole")
    parser.add_argument("--side", type=int, default=384, help="of the network's picture, pixels")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        sys.stdout.write(json.dumps(CHILDREN[given.child[0]](*given.child[1:])))
        return
    sys.stdout.write(f"{cores.usable()} cores\n")
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(given.photos, given.crop, given.side, given.rounds, Path(scratch))
        for name in given.only.split(","):
            sys.stdout.write(f"\n{markdown(TABLES[name](setting))}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
