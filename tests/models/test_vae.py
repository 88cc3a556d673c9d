from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.distributions import Normal

from aecli.models.vae import SPEC, VAE, VAEConfig, kl_divergence, reparametrise

TINY = SPEC.presets["tiny"]


def test_the_closed_form_kl_is_that_of_monte_carlo() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_var = torch.tensor([0.0, 1.5, -0.3]), torch.tensor([0.0, -2.0, 0.7])
    q, p = Normal(mean, (log_var / 2).exp()), Normal(0, 1)
    noise = torch.randn(200_000, 3, generator=generator)
    z = reparametrise(mean, log_var, noise)
    estimate = (q.log_prob(z) - p.log_prob(z)).mean(0)
    closed = kl_divergence(mean, log_var)
    assert torch.allclose(closed, estimate, atol=0.01)
    assert closed[0] == 0


def test_reparametrised_samples_have_the_moments_they_are_told() -> None:
    noise = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(1))
    z = reparametrise(torch.tensor([2.0]), torch.tensor([0.5]).log(), noise)
    assert float(z.mean()) == pytest.approx(2, abs=0.01)
    assert float(z.var()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("size", [16, 17, 28, 64, 100, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_side_come_out_as_they_went_in(size: int, channels: int) -> None:
    model = VAE(replace(TINY, size=size, channels=channels)).eval()
    x = torch.rand(2, channels, size, size)
    with torch.inference_mode():
        out = model(x)
    assert out.shape == x.shape
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1


def test_the_mean_and_log_variance_are_two() -> None:
    model = VAE(TINY)
    mean, log_var = model.posterior(torch.rand(5, 1, 16, 16))
    assert mean.shape == log_var.shape == (5, 2)


def test_a_class_enters_encoder_and_decoder() -> None:
    torch.manual_seed(0)
    model = VAE(replace(TINY, classes=("a", "b"))).eval()
    x, z = torch.rand(1, 1, 16, 16), torch.zeros(1, 2)
    labels = (torch.tensor([0]), torch.tensor([1]), None)
    for results in ([model.encode(x, y) for y in labels], [model.decode(z, y) for y in labels]):
        assert not torch.equal(results[0], results[1])
        assert not torch.equal(results[0], results[2])
    assert torch.equal(model.decode(z, None), model.decode(z, torch.tensor([2])))


def test_latents_of_a_plain_autoencoder_are_normalised() -> None:
    torch.manual_seed(0)
    model = VAE(replace(TINY, variational=False))
    model.to_latent[-1].weight.data *= 100
    z = model.encode(torch.rand(64, 1, 1, 1).expand(-1, -1, 16, 16))
    assert torch.allclose(z.mean(0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(z.var(0, correction=0), torch.ones(2), atol=0.05)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"size": 15}, "size must lie between 16 and 128"),
        ({"channels": 2}, "channels"),
        ({"latent": 1}, "latent must be at least 2"),
        ({"widths": ()}, "widths"),
        ({"widths": (8,) * 6}, "cannot be halved 6 times"),
        ({"classes": ("a", "a")}, "must differ"),
    ],
)
def test_impossible_configs_are_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(VAEConfig(), **changed)
