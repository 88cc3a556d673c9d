from __future__ import annotations

import numpy as np
import pytest

from aecli.inference.pca import principal_axes

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_axes_are_those_of_the_singular_vectors(shape: tuple[int, int], dtype: type) -> None:
    data = RNG.normal(size=shape) * (np.arange(shape[1]) + 1)
    centred = (data - data.mean(axis=0)).astype(dtype)
    axes, sums = principal_axes(centred, 3)
    _, singular, rows = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    assert axes.dtype == dtype
    assert sums == pytest.approx(singular[:3] ** 2, rel=1e-4)
    assert np.abs((axes * rows[:3]).sum(axis=1)) == pytest.approx(np.ones(3), abs=1e-3)


def test_there_are_no_more_axes_than_the_data_vary_along() -> None:
    line = np.outer(np.arange(5) - 2.0, [3.0, 4.0, 0.0])
    axes, sums = principal_axes(line, 3)
    assert np.abs(axes) == pytest.approx(np.array([[0.6, 0.8, 0]]))
    assert sums == pytest.approx([250])
    assert principal_axes(np.zeros((1, 4)), 2)[0].shape == (0, 4)
