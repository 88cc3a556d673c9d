"""What every architecture in the registry must keep; a new one is tested by being there."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aecli.checkpoints import format as checkpoints
from aecli.errors import ModelError, UsageError
from aecli.models.complexity import measure
from aecli.models.registry import (
    Autoencoder,
    Denoiser,
    Generator,
    ModelSpec,
    Registry,
    SuperResolver,
    Tiling,
)
from aecli.training.objectives import OBJECTIVES

SPECS = list(Registry.discover())
PRESETS = [pytest.param(s, p, id=f"{s.name}.{p}") for s in SPECS for p in s.presets]
RESTORING = [p for p in PRESETS if {"denoise", "upscale"} & {*p.values[0].tasks}]
GENERATING = [p for p in PRESETS if "generate" in p.values[0].tasks]
PROTOCOLS = {
    "denoise": Denoiser,
    "upscale": SuperResolver,
    "generate": Generator,
    "embed": Autoencoder,
}


def call(spec: ModelSpec, module: Any, x: torch.Tensor) -> torch.Tensor:
    """A restoring model's output, whatever its task wants to be told."""
    if "denoise" in spec.tasks:
        return module.restore(x, torch.full((len(x), 1, 1, 1), 0.1, dtype=x.dtype))
    return module.upscale(x)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_specs_are_complete(spec: ModelSpec) -> None:
    assert spec.summary
    assert spec.paper
    assert spec.presets
    assert {*spec.tasks.values()} <= {*OBJECTIVES}
    assert spec.config.__dataclass_params__.frozen
    module = spec.build(next(iter(spec.presets.values())))
    assert all(isinstance(module, PROTOCOLS[task]) for task in spec.tasks)


@pytest.mark.parametrize(("spec", "preset"), PRESETS)
def test_configs_survive_json(spec: ModelSpec, preset: str) -> None:
    config = spec.presets[preset]
    assert spec.configure(json.loads(json.dumps(asdict(config)))) == config
    assert spec.configure({"preset": preset}) == config


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_unknown_settings_are_named(spec: ModelSpec) -> None:
    known = fields(spec.config)[0].name
    with pytest.raises(UsageError, match=f"no setting '{known}x'") as caught:
        spec.configure({f"{known}x": 1})
    assert known in (caught.value.hint or "")
    with pytest.raises(UsageError, match="no preset"):
        spec.configure({"preset": "no-such-preset"})


@pytest.mark.parametrize(("spec", "preset"), RESTORING)
def test_shapes_follow_the_geometry(spec: ModelSpec, preset: str) -> None:
    config = spec.presets[preset]
    g = spec.geometry(config)
    module = spec.build(config).eval()
    least = -(-g.minimum // g.multiple_of) * g.multiple_of
    for height, width in [(least, least), (least, least + 3 * g.multiple_of)]:
        with torch.inference_mode():
            out = call(spec, module, torch.rand(2, 3, height, width))
        assert out.shape == (2, 3, height * g.scale, width * g.scale)
        assert out.dtype == torch.float32
        assert out.isfinite().all()


@pytest.mark.parametrize("classes", [(), ("cat", "dog")], ids=["plain", "classes"])
@pytest.mark.parametrize(("spec", "preset"), GENERATING)
def test_generators_encode_decode_and_draw(
    spec: ModelSpec, preset: str, classes: tuple[str, ...]
) -> None:
    config = replace(spec.presets[preset], classes=classes)
    module = spec.build(config).eval()
    assert module.classes == classes
    assert spec.geometry(config).tiling is Tiling.WHOLE_ONLY
    x = torch.rand(3, module.channels, module.size, module.size)
    noise = torch.randn(3, *module.latent)
    for label in (None, torch.tensor([0, 1, 1])) if classes else (None,):
        with torch.inference_mode():
            z = module.encode(x, label)
            images = module.decode(z, label)
            drawn = module.draw(noise, label)
            again = module.draw(noise, label)
            mode = module.draw(noise, label, 0.0)
        assert z.shape == drawn.shape == noise.shape
        assert images.shape == x.shape
        assert images.dtype == z.dtype == drawn.dtype == torch.float32
        assert torch.equal(drawn, again)
        assert torch.allclose(mode, module.draw(torch.zeros_like(noise), label))


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_the_receptive_field_is_no_larger_than_told(spec: ModelSpec) -> None:
    """With positive weights, no bias and a bright image, no influence cancels another."""
    config = spec.presets["tiny"]
    g = spec.geometry(config)
    if g.tiling is not Tiling.EXACT:
        pytest.skip("never tiled")
    module = spec.build(config).eval().double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0 if parameter.ndim == 1 else 1 / parameter[0].numel())
    side = -(-(2 * g.radius + 40) // g.multiple_of) * g.multiple_of
    reach = 0
    for offset in range(g.multiple_of):
        place = side // 2 + offset
        x = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        call(spec, module, x)[..., place * g.scale, place * g.scale].sum().backward()
        assert x.grad is not None
        seen = x.grad.abs().sum((0, 1)).nonzero()
        reach = max(reach, place - int(seen.min()), int(seen.max()) - place)
    assert reach <= g.radius
    assert reach >= g.radius - g.multiple_of, "the halo could be smaller"


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_checkpoints_rebuild_the_model(spec: ModelSpec, tmp_path: Path) -> None:
    module = spec.build(spec.presets["tiny"]).eval()
    meta = checkpoints.Meta(
        spec.name, {"preset": "tiny"}, next(iter(spec.tasks)), "x", {"steps": 3}
    )
    path = tmp_path / "x.safetensors"
    checkpoints.save(path, module.state_dict(), meta, dtype=torch.float32)
    model = checkpoints.load(path)
    assert model.meta == meta
    assert model.spec == spec
    assert model.geometry == spec.geometry(model.config)
    assert not model.module.training
    state = model.module.state_dict()
    assert all(torch.equal(state[k], v) for k, v in module.state_dict().items())
    checkpoints.save(path, module.state_dict(), meta)
    state = checkpoints.load(path).module.state_dict()
    assert all(v.dtype == torch.float32 for v in state.values() if v.is_floating_point())


@pytest.mark.parametrize(("spec", "preset"), PRESETS)
def test_complexity_is_counted_without_computing(spec: ModelSpec, preset: str) -> None:
    module = spec.build(spec.presets[preset])
    for task in spec.tasks:
        complexity = measure(spec, spec.presets[preset], task)
        assert complexity.parameters == sum(p.numel() for p in module.parameters())
        assert complexity.flops_per_pixel > 0


def test_registry_names_the_nearest() -> None:
    registry = Registry.discover()
    with pytest.raises(ModelError, match="unknown architecture 'unett'") as caught:
        registry.get("unett")
    assert "unet" in (caught.value.hint or "")
    with pytest.raises(ValueError, match="registered twice"):
        registry.add(SPECS[0])
