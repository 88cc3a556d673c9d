"""The weights that come with aecli: whole, small, reproducible and documented."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from aecli.checkpoints import store
from aecli.training import recipes

FOLDER = store.bundled_folder()
MiB = 1 << 20
WEIGHTS = sorted(FOLDER.glob("*.safetensors"))
each = pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.stem)


OF_THE_MACHINE = {"cache_mb", "device_share", "workers", "val_crop", "val_limit"}
"""Settings of [data] that no weight depends on."""


def found(path: Path) -> store.Found:
    task, _, name = path.stem.partition("-")
    return store.Found(path, task, name, store.Origin.BUNDLED)


def test_the_checksums_name_exactly_the_weights() -> None:
    sums = FOLDER / store.SUMS
    lines = sums.read_text("utf-8").splitlines() if sums.is_file() else []
    assert sorted(line.split()[1] for line in lines) == [path.name for path in WEIGHTS]


def test_all_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in WEIGHTS}
    assert all(size <= 8 * MiB for size in sizes.values()), sizes
    assert sum(sizes.values()) <= 48 * MiB


@each
def test_it_is_the_published_file_and_loads(path: Path) -> None:
    assert store.verify(found(path))
    task = found(path).task
    assert not store.load(task, path).module.training


@each
def test_its_weights_are_stored_in_half_precision(path: Path) -> None:
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    weights = {k: v for k, v in header.items() if not k.startswith(("__metadata__", "graph."))}
    types = {tensor["dtype"] for tensor in weights.values()}
    assert types <= {"F16", "I64"}


@each
def test_the_committed_recipe_is_what_it_was_trained_by(path: Path) -> None:
    model = found(path)
    assert (model.meta.task, model.meta.tag) == (model.task, model.name)
    training = model.meta.training
    used = [stage["recipe"] for stage in training.get("stages", [])] + [training["recipe"]]
    committed = recipes.stages(recipes.load(model.task, model.name))
    for ours, theirs in zip(committed, used, strict=True):
        then = recipes.from_table(recipes.as_written_before(theirs))  # with new keys' defaults
        for section in ("model", "objective", "data", "optim"):
            was, now = (recipe.as_table()[section] for recipe in (then, ours))
            differ = {key for key in was | now if was.get(key) != now.get(key)}
            assert differ <= OF_THE_MACHINE, section
    done = [stage["steps"] for stage in training.get("stages", [])] + [training["steps"]]
    assert done == [recipe.run.steps for recipe in committed]
    for fact in ("data", "licence", "steps", "seed"):
        assert training[fact] is not None
    assert training["data"]
    assert training["licence"]
    assert model.meta.metrics
    assert model.meta.version


@each
def test_its_card_tells_what_it_is(path: Path) -> None:
    card = path.with_suffix(".md").read_text("utf-8")
    task, name = found(path).task, found(path).name
    assert card.startswith("# ")
    for words in (f"{task}-{name}", "licence", "recipe"):
        assert words in card.replace("License", "licence").replace("Licence", "licence"), words
