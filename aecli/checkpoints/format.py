"""One model, one `.safetensors` file: the weights, and one metadata key `aecli` that holds JSON.

The header is readable without torch, so that listing models stays instant.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aecli.checkpoints import header, portable
from aecli.checkpoints.facts import FACTS, Facts
from aecli.errors import AecliError, InputError, ModelError
from aecli.files.atomic import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from aecli.models.registry import Geometry, ModelSpec

FORMAT = 1
"""Version of the metadata's layout; a file with a higher one is refused."""

_KEY = "aecli"

_RENAMED = {"ask": "qkv", "answer": "proj", "tell": "modulation"}
"""Parts of weights' names that architectures used to have, and what they are now."""


@dataclass(frozen=True)
class Meta:
    """What a checkpoint says of itself.

    Attributes:
        architecture: name of the ModelSpec that builds it.
        config: the architecture's config, as plain JSON values.
        task: the command it serves.
        tag: the name it was trained under.
        training: how it was made: data, licence, steps, seed, recipe; and the facts that inference
            goes by (`aecli.checkpoints.facts`).
        metrics: measured figures, each named with its data and unit.
        version: version of aecli that wrote the file.
        format: version of this layout.
    """

    architecture: str
    config: dict[str, Any]
    task: str
    tag: str
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    version: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """The metadata as one JSON object with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Meta:
        """The inverse of `to_json`; keys of later minor additions are ignored.

        Raises:
            ValueError: it is not such an object, names what cannot be part of a file name, or
                states facts that cannot be.
        """
        data = header.parsed(text)
        if not isinstance(data, dict):
            raise ValueError("metadata is not an object")
        known = {f.name: f for f in dataclasses.fields(cls)}
        kinds = {"config": dict, "training": dict, "metrics": dict, "format": int}
        for name in ("architecture", "config", "task", "tag", "format"):
            if name not in data:
                raise ValueError(f"metadata lacks {name!r}")
        for name in known.keys() & data.keys():
            if not isinstance(data[name], kinds.get(name, str)):
                raise ValueError(f"metadata {name!r} has the wrong type")
        for name in ("architecture", "task", "tag"):
            if not header.is_name(data[name]):
                raise ValueError(f"metadata {name!r} is not a name: {data[name][:40]!r}")
        meta = cls(**{k: v for k, v in data.items() if k in known})
        FACTS.get(meta.task, Facts).read(meta.training)
        return meta


@dataclass(frozen=True)
class Model:
    """A loaded model: float32 weights, in evaluation mode, on the CPU."""

    module: nn.Module
    spec: ModelSpec
    config: Any
    geometry: Geometry
    meta: Meta


def read_meta(path: Path) -> Meta:
    """A checkpoint's metadata, from its header alone.

    Raises:
        ModelError: the file is missing, damaged, not safetensors, not aecli's, or too new.
    """
    return _meta(path, header.read(path))


def _meta(path: Path, head: header.Header) -> Meta:
    if _KEY not in head.metadata:
        raise ModelError(
            f"{path} is not a model of aecli", "it is a safetensors file of another program"
        )
    try:
        meta = Meta.from_json(head.metadata[_KEY])
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path} is damaged: {error}") from None
    if meta.format > FORMAT:
        raise ModelError(
            f"{path} needs a newer aecli (its format is {meta.format}, this one reads {FORMAT})",
            "upgrade aecli",
        )
    return meta


def save(
    path: Path, state: Mapping[str, Tensor], meta: Meta, dtype: torch.dtype | None = None
) -> None:
    """Write a checkpoint; an existing file is replaced only once the new one is complete.

    Graphs of the network go with it, so that other engines than torch can run it (`portable`).

    Args:
        path: target.
        state: a module's state dict.
        meta: what the file says of itself.
        dtype: storage type of the floating-point weights; float16 where None, the published form.

    Raises:
        AecliError: it cannot be written, because the disk is full, for example.
    """
    import torch
    from safetensors.torch import save as serialised

    to = dtype or torch.float16
    tensors = {
        k: v.detach().cpu().to(to if v.is_floating_point() else v.dtype).contiguous()
        for k, v in state.items()
    }
    texts = {_KEY: meta.to_json()}
    if derived := portable.derive(meta, {k: tuple(v.shape) for k, v in state.items()}):
        texts[portable.KEY] = derived[0].to_json()
        tensors |= derived[1]
    content = serialised(tensors, metadata=texts)
    try:
        with atomic(path, overwrite=True) as file:
            file.write(content)
    except InputError as error:
        raise AecliError(error.message, "what it held before is kept") from error


def present(name: str) -> str:
    """What a weight that an earlier version has written is called now."""
    return ".".join(_RENAMED.get(part, part) for part in name.split("."))


def load(path: Path) -> Model:
    """Build the model that a checkpoint describes and give it the checkpoint's weights.

    Raises:
        ModelError: as `read_meta` and `portable.peek`; or the config, the weights and the task do
            not fit the architecture, or the weights are not finite.
    """
    from safetensors.torch import load_file

    head = header.read(path)
    meta = _meta(path, head)
    with fitting(path):
        spec, config = _described(meta, head)
        module = spec.build(config)
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("its weights are not finite")
        own = tensors.keys() - portable.constants_of(head)
        module.load_state_dict({present(name): tensors[name] for name in own})
    portable.peek(path)  # what one engine cannot run, the other does not load either
    return Model(module.eval(), spec, config, spec.geometry(config), meta)


def outline(path: Path) -> tuple[ModelSpec, Any]:
    """The architecture of a checkpoint and its config, known to fit; the weights are not read.

    Raises:
        ModelError: as `load`.
    """
    head = header.read(path)
    meta = _meta(path, head)
    with fitting(path):
        described = _described(meta, head)
    portable.peek(path)
    return described


def _described(meta: Meta, head: header.Header) -> tuple[ModelSpec, Any]:
    """The architecture and config that metadata name, held against the tensors of the header."""
    from aecli.checkpoints.outline import hold
    from aecli.models.registry import Registry

    spec = Registry.discover().get(meta.architecture)
    if meta.task not in spec.tasks:
        raise ValueError(f"{spec.name} does not serve {meta.task}")
    config = spec.configure(meta.config)
    own = head.shapes.keys() - portable.constants_of(head)
    hold(spec, config, {present(name): head.shapes[name] for name in own})
    return spec, config


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """The block takes a checkpoint at its word; what fails there is the checkpoint's fault.

    Raises:
        ModelError: architecture, config and weights do not fit each other, or not this aecli.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (AecliError, SafetensorError, RuntimeError, TypeError, ValueError, ArithmeticError) as e:
        line = " ".join(str(e).split())[:200]
        hint = e.hint if isinstance(e, AecliError) else None
        raise ModelError(f"{path} does not fit its architecture: {line}", hint) from e
