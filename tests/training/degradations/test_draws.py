"""Draws: of each sample alone, whatever it is drawn with."""

import numpy as np
import torch

from aecli.training.degradations.draws import Draws

CPU = torch.device("cpu")


def test_a_samples_draws_do_not_depend_on_its_batch() -> None:
    batch = Draws(3, [10, 11, 12, 13], CPU)
    alone = Draws(3, [12], CPU)
    assert np.array_equal(batch.uniform("a", 5)[2:3], alone.uniform("a", 5))
    assert torch.equal(batch.normal("n", (2, 4))[2:3], alone.normal("n", (2, 4)))
    assert np.array_equal(batch.rows(np.array([2])).uniform("a", 5), alone.uniform("a", 5))
    assert np.array_equal(batch.uniform("a", 3), batch.uniform("a", 5)[:, :3])


def test_names_seeds_and_samples_draw_apart() -> None:
    drawn = [
        Draws(seed, [number], CPU).uniform(name, 4)
        for seed in (0, 1)
        for number in (0, 1)
        for name in "ab"
    ]
    assert len({d.tobytes() for d in drawn}) == len(drawn)


def test_draws_are_uniform_and_normal() -> None:
    draws = Draws(0, range(4000), CPU)
    u = draws.uniform("a", 8)
    assert u.min() >= 0 and u.max() < 1
    assert np.allclose(u.mean(0), 0.5, atol=0.02) and np.allclose(u.var(0), 1 / 12, atol=0.005)
    assert np.abs(np.corrcoef(u.T) - np.eye(8)).max() < 0.06
    z = draws.normal("n", (16,))
    assert abs(float(z.mean())) < 0.02 and abs(float(z.std()) - 1) < 0.02
