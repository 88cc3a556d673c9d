"""The architectures that `train generate` and `train embed` offer by name, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Architecture:
    """One of them.

    Attributes:
        about: what it is for, in a line.
        recipe: the recipe with which it learns a user's own images; None: the task's own.
        settings: what it changes of that.
    """

    about: str
    recipe: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


_DENSE: Mapping[str, object] = {"model.architecture": "dense"}
_PLAIN: Mapping[str, object] = {"model.variational": False}

ARCHITECTURES: Mapping[str, Mapping[str, Architecture]] = {
    "generate": {
        "flow": Architecture("the best samples: a latent grid, and a learnt prior over it"),
        "vae": Architecture("a latent vector, N(0, I) its prior; blurred samples", "vae"),
        "ae": Architecture("a plain autoencoder: no prior", "vae", _PLAIN),
        "dense-vae": Architecture("as vae, of dense layers alone", "vae", _DENSE),
        "dense-ae": Architecture("as ae, of dense layers alone", "vae", {**_DENSE, **_PLAIN}),
        "melody": Architecture("two bars of one voice, and a prior; MIDI files get it", "melodies"),
    },
    "embed": {
        "ae": Architecture("the best vectors: edited copies of a picture agree"),
        "dense-ae": Architecture("as ae, of dense layers alone", None, {**_DENSE, **_PLAIN}),
        "vae": Architecture("a VAE's means; copies need not agree", "vae"),
        "dense-vae": Architecture("as vae, of dense layers alone", "vae", _DENSE),
    },
}
"""By task and name; the first of each is the default."""
