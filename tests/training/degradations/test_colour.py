import torch

from aecli.training.degradations.colour import power_


def test_powers_by_logarithms_are_exact_and_those_of_zero_are_zero() -> None:
    values = torch.linspace(0, 1, 4097).repeat(3, 1)
    exponents = torch.tensor([[0.4], [1.0], [2.4]])
    wanted = values.double() ** exponents.double()
    found = power_(values, exponents)
    assert found is values
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-7)
    assert not found[:, 0].any()
