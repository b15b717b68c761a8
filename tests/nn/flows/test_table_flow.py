"""A flow of a table is exact, full rank and about white, whatever its columns are."""

import numpy as np
import pytest
import torch

from symmetry_pl.nn.flows.lattice import Lattice
from symmetry_pl.nn.flows.quantile_splines import QuantileSplines
from symmetry_pl.nn.flows.table_flow import TableFlow


def rows(n=600):
    """Skewed, integer, binary, constant, duplicated and summed columns."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    age = np.round(30 + 10 * a)
    columns = [np.exp(a), age, b > 0, np.full(n, 3.0), b, b, a + b]
    return torch.from_numpy(np.stack(columns, 1)), torch.from_numpy((a * b)[:, None] + a[:, None])


def measured(x, y, **options):
    torch.manual_seed(0)
    flow = TableFlow(
        x.shape[1], **{"blocks": 2, "given_blocks": 1, "width": 8, "knots": 12, **options}
    ).double()
    for p in flow.parameters():  # away from the identity
        p.data += 0.05 * torch.randn(p.shape, dtype=p.dtype)
    flow.measure(x, y, torch.randn_like(x))
    return flow


given_maps = pytest.mark.parametrize("given_bins", [0, 5])


@given_maps
def test_mixed_columns_come_back(given_bins):
    x, y = rows()
    flow = measured(x, y, given_bins=given_bins)
    with torch.no_grad():
        error = (flow.inverse(flow(x, torch.randn_like(x))[0]) - x).abs()
    exact = [1, 2, 3]  # on a lattice
    assert float(error[:, exact].max()) == 0
    assert bool((error.mean(0) < 1e-3 * x.std(0).clamp_min(1e-9) + 1e-12).all())


def test_independent_continuous_columns_come_back_exactly():
    x = torch.randn(500, 3, dtype=torch.float64).exp()
    flow = measured(x, x[:, :1])
    new = 3 * torch.randn(100, 3, dtype=torch.float64)  # beyond what was measured, too
    with torch.no_grad():
        assert torch.allclose(flow.inverse(flow(new)[0]), new, atol=1e-9)


@given_maps
def test_log_determinant_is_that_of_the_jacobian(given_bins):
    x = torch.randn(300, 3, dtype=torch.float64)
    x[:, 2] += x[:, 0] ** 2
    flow = measured(x, x[:, :1], given_bins=given_bins)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow(one[None])[0][0], x[0])
    assert float(flow(x[:1])[1].detach()) == pytest.approx(float(jacobian.slogdet()[1]), abs=1e-9)


@given_maps
def test_z1_chooses_how_z0_moves_and_z0_does_not_move_z1(given_bins):
    x = torch.randn(300, 4, dtype=torch.float64)
    flow = measured(x, x[:, :1], given_bins=given_bins)
    z = torch.randn(2, 4, dtype=torch.float64)
    z[1, 1:] = z[0, 1:]  # the same z0 beside another z1
    after = len(flow.layers._transforms) - 1 - 3  # a mixing and two couplings, then the last
    with torch.no_grad():
        for layer in flow.layers._transforms[after:]:
            z = layer(z)[0]
    assert bool((z[0, 1:] != z[1, 1:]).all())
    again = z.clone()
    again[0, 1:] += 1
    with torch.no_grad():
        for layer in reversed(flow.layers._transforms[after:]):
            z, again = layer.inverse(z)[0], layer.inverse(again)[0]
    assert torch.equal(z[:, 0], again[:, 0])


def test_measured_columns_are_white_and_z1_starts_as_the_linear_predictor():
    x, y = rows(4000)
    flow = measured(x, y, blocks=0)
    with torch.no_grad():
        u = flow.prepare(x, torch.randn_like(x))[0]
    assert torch.allclose(torch.cov(u.T), torch.eye(7).double(), atol=0.1)
    correlations = torch.corrcoef(torch.cat([y, u], 1).T)[0, 1:].abs()
    assert float(correlations[0]) > 0.6
    assert float(correlations[1:].max()) < 0.05


def test_more_columns_than_rows_are_full_rank():
    x = torch.randn(60, 200, dtype=torch.float64)
    flow = measured(x, x[:, :1], blocks=1)
    held_out = torch.randn(40, 200, dtype=torch.float64)
    with torch.no_grad():
        z = flow(held_out)[0]
    assert bool(z.isfinite().all())
    assert torch.allclose(flow.inverse(z), held_out, atol=1e-6)


def test_steps_of_scaled_integers_and_of_nothing_else():
    integers = (torch.randint(0, 9, (200,)).float() - 3.7) / 2.13
    numbers = torch.randn(200)
    few = torch.tensor([0.0, 1.0, 3.7, 10.0])[torch.randint(0, 4, (200,))]
    lattice = Lattice(4)
    lattice.measure(torch.stack([integers, numbers, few, torch.ones(200)], 1))
    assert lattice.step.tolist() == pytest.approx([1 / 2.13, 0, 0, 1], abs=1e-6)


def test_quantile_splines_are_monotone_and_about_normal():
    x = torch.randn(5000, 1, dtype=torch.float64).exp()
    splines = QuantileSplines(1, 32).double()
    splines.measure(x)
    v = splines(x.sort(0)[0])[0]
    assert bool((v.diff(dim=0) >= 0).all())
    assert float(v.std()) == pytest.approx(1, abs=0.02)
    assert abs(float((v**3).mean())) < 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TableFlow(2, 2), "between 1 and dim - 1 = 1, got 2"),
        (lambda: TableFlow(3, blocks=-1), "needs blocks ≥ 0"),
        (lambda: TableFlow(3, given_bins=1), "given_bins is 0 or at least 2, got 1"),
        (lambda: QuantileSplines(2, 1), "at least 2 knots, got 1"),
        (lambda: TableFlow(3)(torch.zeros(4, 2)), r"takes a \(B, 3\) tensor"),
        (lambda: TableFlow(3).measure(*[torch.zeros(1, 3)] * 3), "at least 2 rows"),
    ],
)
def test_what_makes_no_flow_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
