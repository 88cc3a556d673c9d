"""How fast denoise and upscale are, by every engine that is installed.

python -m tests.benchmarks.speed [PHOTOS] [--side N] [--rounds N]

Every figure is the least of several rounds, and the engines take turns, so that their ratios hold
where the machine's speed drifts. Every measurement is a process of its own. Printed as Markdown:

- bare: a megapixel of result through the network alone, and the most memory that takes;
- start: from the prompt to the result of a 256-pixel picture, beside `import torch`;
- command: a folder of photos, as JPEG and as PNG.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecli.checkpoints import portable, store

MODELS = {"denoise": "restore", "upscale": "upscale"}
ENGINES = {
    "torch fp32": ["--engine", "torch", "--precision", "fp32"],
    "torch bf16": ["--engine", "torch", "--precision", "bf16"],
    "ncnn": ["--engine", "ncnn"],
}
PASSES = 3
"""Of a network in one process; the first makes it ready."""


def say(line: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def bare(task: str, engine: str, side: int) -> dict[str, float]:
    """Seconds a megapixel of result, and MiB at most: in this process, which does nothing else."""
    method = MODELS[task]
    path = (store.scales(task)[2] if task == "upscale" else store.find(task)).path
    call: Any
    if engine == "ncnn":
        from aecli.inference.engine_ncnn import NcnnEngine

        call = NcnnEngine(path).fp32[0]
    elif engine == "onnxruntime":
        import onnxruntime

        from aecli.checkpoints import onnx

        network = portable.read(path)
        assert network is not None
        run = onnxruntime.InferenceSession(onnx.export(network, {}))
        names = [each.name for each in run.get_inputs()]

        def call(_: str, *inputs: Any) -> Any:
            return run.run(None, dict(zip(names, inputs, strict=True)))[0]
    else:
        from aecli import device
        from aecli.inference.engine_torch import TorchEngine

        call = TorchEngine(path, device.choose("cpu", engine.split()[1])).calls[0]
    x = np.random.default_rng(0).random((1, 3, side, side), np.float32)
    inputs = [x] if task == "upscale" else [x, np.full_like(x[:, :1], 0.1)]
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        result = call(method, *inputs)
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": min(seconds) / (result[0, 0].size / 1e6), "MiB": peak}


def process(*arguments: str) -> float:
    """Seconds that Python takes for something."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def bare_table(engines: list[str], side: int, rounds: int) -> None:
    """The networks alone."""
    say("| s/MP, bare | " + " | ".join(engines) + " |")
    say("| --- |" + " --- |" * len(engines))
    for task in MODELS:
        best: dict[str, dict[str, float]] = {}
        for _ in range(rounds):
            for engine in engines:
                command = [sys.executable, "-m", __spec__.name, "--bare", task, engine]
                command += ["--side", str(side)]
                said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                best[engine] = min(best.get(engine, said), said, key=lambda v: v["seconds"])
        whole = best[engines[0]]["seconds"]
        cells = [
            f"{v['seconds']:.2f} ({v['seconds'] / whole:.2f}), {v['MiB']:.0f} MiB"
            for v in best.values()
        ]
        say(f"| {task} | {' | '.join(cells)} |")


def start_table(folder: Path, rounds: int) -> None:
    """From the prompt to a small result."""
    picture = folder / "small.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)).save(
        picture
    )
    out = ["-o", str(folder / "out.png"), "--overwrite"]
    commands = {"import torch": ["-c", "import torch"]}
    for name, options in ENGINES.items():
        commands[f"denoise, {name}"] = ["-m", "aecli", "denoise", str(picture), *out, *options]
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, arguments in commands.items():
            best[name] = min(best[name], process(*arguments))
    say("\n| start | s | of `import torch` |\n| --- | --- | --- |")
    for name, seconds in best.items():
        say(f"| {name} | {seconds:.2f} | {seconds / best['import torch']:.2f} |")


def command_table(photos: Path, folder: Path, rounds: int) -> None:
    """A folder of photos."""
    say("\n| command, s | " + " | ".join(ENGINES) + " |\n| --- |" + " --- |" * len(ENGINES))
    for task in MODELS:
        for form in ("jpg", "png"):
            best = dict.fromkeys(ENGINES, float("inf"))
            for _ in range(rounds):
                for name, options in ENGINES.items():
                    arguments = ["-m", "aecli", task, str(photos), "-f", form, "--overwrite"]
                    arguments += ["-o", f"{folder}/{form}/", *options]
                    best[name] = min(best[name], process(*arguments))
            whole = best["torch fp32"]
            cells = [f"{seconds:.1f} ({seconds / whole:.2f})" for seconds in best.values()]
            say(f"| {task}, {form} | {' | '.join(cells)} |")


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", nargs="?", type=Path, help="a folder of photos for the command")
    parser.add_argument("--side", type=int, default=384, help="of the picture, pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", nargs=2, metavar=("TASK", "ENGINE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        say(json.dumps(bare(*given.bare, given.side)))
        return
    engines = [*ENGINES, *(["onnxruntime"] if find_spec("onnxruntime") else [])]
    say(f"{os.cpu_count()} cores\n")
    bare_table(engines, given.side, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        start_table(Path(folder), given.rounds)
        if given.photos is not None:
            command_table(given.photos, Path(folder), given.rounds)


if __name__ == "__main__":
    main()
