from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints.facts import (
    FACTS,
    PERCENTILES,
    DenoiseFacts,
    Duplicates,
    EmbedFacts,
    Facts,
    LatentFacts,
    Novelty,
    UpscaleFacts,
)
from aecli.checkpoints.format import Meta
from aecli.errors import ModelError

LINE = [p / 2 for p in range(PERCENTILES)]
NOVELTY = {"missed": LINE, "moved": LINE, "typical": [0.5, 2]}

shares = st.floats(0, 1)
facts = st.one_of(
    st.builds(DenoiseFacts, st.sampled_from(["white", "camera"]), st.floats(0, 255)),
    st.builds(UpscaleFacts, st.none() | st.integers(1, 8), st.sampled_from([None, "photo"])),
    st.builds(
        EmbedFacts,
        st.just((2,)),
        st.none() | st.just(Novelty(tuple(LINE), tuple(LINE), (0.5, 2.0), 7)),
        st.none() | st.builds(Duplicates, shares, shares, shares),
    ),
)


@given(facts)
def test_facts_survive_a_file(known: Facts) -> None:
    table = json.loads(json.dumps({"data": "photos", **known.as_table()}))
    assert type(known).read(table) == known


@pytest.mark.parametrize("kind", FACTS.values())
def test_facts_that_are_not_stated_are_the_defaults(kind: type[Facts]) -> None:
    assert kind.read({"licence": "CC0", "from": None}) == kind()


@pytest.mark.parametrize(
    ("task", "training", "words"),
    [
        ("denoise", {"noise": "loud"}, "noise is 'loud', none of white, camera"),
        ("denoise", {"noise": ["white"]}, "noise must be str"),
        ("denoise", {"sigma_max": "x"}, "sigma_max must be float, not 'x'"),
        ("denoise", {"sigma_max": None}, "sigma_max must be float"),
        ("denoise", {"sigma_max": -1}, "sigma_max is -1, not from 0 to 255"),
        ("denoise", {"sigma_max": math.inf}, "sigma_max must be float"),
        ("denoise", {"sigma_max": True}, "sigma_max must be float"),
        ("upscale", {"scale": 1000}, "scale is 1000"),
        ("upscale", {"degradation": "heavy"}, "degradation is 'heavy'"),
        ("generate", {"latent": []}, "no shape of a latent"),
        ("generate", {"latent": [2, 2]}, "no shape of a latent"),
        ("generate", {"latent": [0]}, "no shape of a latent"),
        ("generate", {"latent": [[1]]}, "latent must be a list of int"),
        ("generate", {"novelty": 3}, "novelty must be a table"),
        (
            "generate",
            {"novelty": {"missed": LINE, "moved": LINE}},
            "training.novelty lacks typical",
        ),
        ("generate", {"novelty": NOVELTY | {"colour": 1}}, "unknown key training.novelty.colour"),
        ("generate", {"novelty": NOVELTY | {"missed": LINE[1:]}}, "201 percentiles"),
        ("embed", {"novelty": NOVELTY | {"moved": LINE[::-1]}}, "201 percentiles"),
        ("embed", {"novelty": NOVELTY | {"moved": ["x"] * PERCENTILES}}, "moved must be a list"),
        ("embed", {"novelty": NOVELTY | {"typical": [0, 1]}}, "typical"),
        ("embed", {"novelty": NOVELTY, "latent": [3]}, "typical does not fit training.latent"),
        ("embed", {"duplicates": {"threshold": 2}}, "duplicates.threshold is 2"),
        ("embed", {"duplicates": {}}, "training.duplicates lacks threshold"),
    ],
)
def test_impossible_facts_are_refused(
    tmp_path: Path, task: str, training: dict[str, Any], words: str
) -> None:
    path = tmp_path / "m.safetensors"
    checkpoints.save(path, {}, Meta("vae", {}, task, "m", training))
    with pytest.raises(ModelError) as caught:
        checkpoints.read_meta(path)
    assert words in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 3


def test_a_generators_facts_serve_for_vectors() -> None:
    known = LatentFacts((2,), Novelty(tuple(LINE), tuple(LINE), (0.5, 2.0)))
    assert EmbedFacts.read(known.as_table()) == EmbedFacts(known.latent, known.novelty)
