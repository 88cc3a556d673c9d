from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from aecli.errors import TrainingError
from aecli.training.state import FILE, State, WeightAverage


def averaged(values: list[float], decay: float) -> float:
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1e6)  # the initial weights must leave no trace
    average = WeightAverage(module, decay)
    for value in values:
        module.weight.data.fill_(value)
        average.update()
    return average.weights["weight"].item()


def test_a_short_run_is_averaged_over_its_last_tenth() -> None:
    assert averaged([3.0], 0.999) == 3.0
    assert averaged([5.0] * 4, 0.999) == pytest.approx(5.0)
    late = averaged([0.0] * 80 + [1.0] * 20, 0.999)
    assert 0.85 < late < 0.95


def test_a_long_run_is_averaged_by_its_decay() -> None:
    values = [float(n % 7) for n in range(600)]
    expected = values[0]
    for value in values:
        expected = 0.9 * expected + 0.1 * value
    assert averaged(values, 0.9) == pytest.approx(expected, rel=1e-4)


def test_no_averaging_without_decay() -> None:
    module = nn.Linear(2, 2)
    average = WeightAverage(module, 0.0)
    module.weight.data.fill_(7)
    average.update()
    assert torch.equal(average.weights["weight"], module.weight)


@pytest.mark.parametrize("content", [b"", b"no state", None])
def test_damaged_or_missing_state_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(TrainingError) as caught:
        State.load(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "\n" not in caught.value.message
