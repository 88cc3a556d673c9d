"""One model, one `.safetensors` file: the weights, and one metadata key `aecli` that holds JSON.

The header is readable without torch, so that listing models stays instant.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aecli.errors import AecliError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from aecli.models.registry import Geometry, ModelSpec

FORMAT = 1
"""Version of the metadata's layout; a file with a higher one is refused."""

_KEY = "aecli"
_MAX_HEADER = 16 << 20


@dataclass(frozen=True)
class Meta:
    """What a checkpoint says of itself.

    Attributes:
        architecture: name of the ModelSpec that builds it.
        config: the architecture's config, as plain JSON values.
        task: the command it serves.
        tag: the name it was trained under.
        training: how it was made: data, licence, steps, seed, recipe.
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
            ValueError: it is not such an object.
        """
        data = json.loads(text)
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
        return cls(**{k: v for k, v in data.items() if k in known})


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
    refuse = f"{path} is not a model of aecli"
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else _MAX_HEADER + 1
            body = file.read(size) if size <= _MAX_HEADER else b""
            total = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None
    try:
        header = json.loads(body)
        metadata = header.pop("__metadata__", {})
        end = max((t["data_offsets"][1] for t in header.values()), default=0)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError):
        raise ModelError(
            refuse, "models are .safetensors files; pickles are never loaded"
        ) from None
    if _KEY not in metadata:
        raise ModelError(refuse, "it is a safetensors file of another program")
    if total != 8 + size + end:
        raise ModelError(f"{path} is damaged: {total} bytes instead of {8 + size + end}")
    try:
        meta = Meta.from_json(metadata[_KEY])
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

    Args:
        path: target, its folder exists.
        state: a module's state dict.
        meta: what the file says of itself.
        dtype: storage type of the floating-point weights; float16 where None, the published form.
    """
    import torch
    from safetensors.torch import save_file

    to = dtype or torch.float16
    tensors = {
        k: v.detach().cpu().to(to if v.is_floating_point() else v.dtype).contiguous()
        for k, v in state.items()
    }
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, part, metadata={_KEY: meta.to_json()})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> Model:
    """Build the model that a checkpoint describes and give it the checkpoint's weights.

    Raises:
        ModelError: as `read_meta`, or the weights do not fit the architecture.
    """
    from safetensors.torch import load_file

    from aecli.models.registry import Registry

    meta = read_meta(path)
    with fitting(path):
        spec = Registry.discover().get(meta.architecture)
        config = spec.configure(meta.config)
        geometry = spec.geometry(config)
        module = spec.build(config)
        weights = load_file(path)
        module.load_state_dict({k: v.float() for k, v in weights.items()})
    return Model(module.eval(), spec, config, geometry, meta)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """The block takes a checkpoint at its word; what fails there is the checkpoint's fault.

    Raises:
        ModelError: architecture, config and weights do not fit each other, or not this aecli.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (AecliError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        line = " ".join(str(error).split())[:200]
        hint = error.hint if isinstance(error, AecliError) else None
        raise ModelError(f"{path} does not fit its architecture: {line}", hint) from error
