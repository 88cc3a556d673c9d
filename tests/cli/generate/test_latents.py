from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.inference import latents as points
from tests import blobs

from .pictures import cut, error, read


@pytest.mark.parametrize("model", ["spots", "tiles", "kinds"])
def test_latents_can_be_kept_and_decoded_again(aecli, generate, model) -> None:
    assert generate("-n", 9, "--save-latents", "z.npz", "a/", m=model).code == 0
    assert generate("--latents", "z.npz", "b/", m=model).code == 0
    for a, b in zip(*(sorted(Path(f).iterdir()) for f in "ab"), strict=True):
        assert np.array_equal(read(a), read(b))
    latents = points.load(Path("z.npz"))
    assert latents.model == model
    assert len(latents.values) == 9
    assert latents.classes == (("dim", "middle", "bright") * 3 if model == "kinds" else None)
    assert "z.npz exists already" in error(generate("--save-latents", "z.npz", "c.png"))
    found = aecli("generate", "--latents", "z.npz", "c.png")
    assert found.code == 0
    assert f"latents of {model} -> c.png" in found.err


def test_latents_are_decoded_by_their_own_model_of_any_task(aecli, generate) -> None:
    path = blobs.install("inner", task="embed", latent=3)
    assert generate("--save-latents", "z.npz", m=path.name).code == 3  # no model to draw from
    from aecli.checkpoints import store

    np.savez("z.npz", vectors=np.zeros((2, 3)), model="inner", sha256=store.sha256(path))
    for arguments in ((), ("-m", "inner"), ("-m", path)):
        assert aecli("generate", "--latents", "z.npz", "--overwrite", *arguments).code == 0
    assert cut(read("generated.png")).shape[:2] == (1, 2)


def test_latents_of_another_model_are_refused(aecli, generate) -> None:
    assert generate("--save-latents", "z.npz").code == 0
    refused = error(generate("--latents", "z.npz", "b.png", m="many"))
    assert "z.npz was made by spots (sha256 " in refused
    assert "not by many (sha256 " in refused
    blobs.install("spots", size=17)
    assert "not by spots" in error(generate("--latents", "z.npz", "b.png"))
    refused = error(aecli("generate", "--latents", "z.npz", "b.png"), 3)
    assert "made by spots" in refused
    assert "not installed" in refused
    assert "no model 'spot'" in error(generate("--latents", "z.npz", "b.png", m="spot"), 3)
    Path("z.npz").write_bytes(b"rubbish")
    assert "z.npz: is no file of latents" in error(generate("--latents", "z.npz", "b.png"), 1)


def test_latents_must_fit(generate) -> None:
    from aecli.checkpoints import store

    digest = store.sha256(store.find("generate", "spots").path)
    np.savez("z.npz", latents=np.zeros((2, 3)), model="spots", sha256=digest)
    assert "z.npz: has latents of the shape (3,), spots has those of (2,)" in error(
        generate("--latents", "z.npz", "-q"), 1
    )
    np.savez("z.npz", latents=np.zeros((1, 2)), model="spots", sha256=digest, classes=["a"])
    assert "spots knows no class 'a'" in error(generate("--latents", "z.npz"))
