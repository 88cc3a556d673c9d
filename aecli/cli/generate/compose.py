"""From a request to the grid that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli.generate.request import Mode
from aecli.inference import modes

if TYPE_CHECKING:
    from aecli.cli.generate.request import GenerateRequest
    from aecli.inference.abilities import Abilities
    from aecli.inference.grid import Grid
    from aecli.inference.latents import Latents


def compose(
    request: GenerateRequest, model: Abilities, seed: int | None, given: Latents | None
) -> Grid:
    """The grid that a request asks for.

    Args:
        request: what the user wants.
        model: what it is to be made with.
        seed: of all chance; None where there is none.
        given: the content of the file that `--latents` names.

    Raises:
        UsageError: it cannot be made as asked.
        InputError: an image that it needs cannot be read.
    """
    classes, columns, steps = request.classes, request.columns, request.steps
    temperature = 1.0 if request.temperature is None else request.temperature
    match request.mode:
        case Mode.LATENTS:
            assert given is not None
            return modes.decoded(model, given, str(request.latents), columns=columns)
        case Mode.RECONSTRUCT:
            names = request.reconstruct
            return modes.reconstructions(
                model, names, count=request.n, columns=columns, classes=classes
            )
        case Mode.INTERPOLATE:
            assert request.interpolate is not None
            ends = request.interpolate
            return modes.between_pictures(model, ends, steps=steps, classes=classes)
        case Mode.MANIFOLD:
            return modes.manifold(model, side=columns, classes=classes, temperature=temperature)
        case Mode.TRAVERSE:
            return modes.traversal(model, steps=steps, classes=classes, temperature=temperature)
    assert seed is not None
    if request.mode is Mode.INTERPOLATE_RANDOM:
        return modes.between_samples(
            model, seed, steps=steps, classes=classes, temperature=temperature
        )
    return modes.samples(
        model,
        seed,
        count=request.n,
        columns=columns,
        classes=classes,
        temperature=temperature,
        data=request.from_data,
    )
