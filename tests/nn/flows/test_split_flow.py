"""CouplingFlow and its parts: inverse, log-determinant, gradients, checkpoints, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from nflows.transforms.splines.rational_quadratic import unconstrained_rational_quadratic_spline
from torch import nn

from symmetry_pl.nn.flows.mixing import LUMixing, RotationMixing
from symmetry_pl.nn.flows.rational_quadratic import MIN_SLOPE, rational_quadratic
from symmetry_pl.nn.flows.split_flow import CouplingFlow

FLOWS = [
    {"dim": 2},
    {"dim": 2, "mixing": "lu", "blocks": 2, "halves": 1},
    {"dim": 3, "informative_dim": 2, "bins": 5, "blocks": 2},
    {"dim": 2, "coupling": "affine", "shift": 0.5, "scale": [2.0, 3.0]},
    {
        "dim": 16,
        "informative_dim": 2,
        "blocks": 6,
        "mixing": "lu",
        "coupling": "affine",
        "halves": 1,
        "width": 32,
    },
]


def identify(options: dict) -> str:
    return (
        f"{options['dim']}-{options.get('coupling', 'spline')}-{options.get('mixing', 'rotation')}"
    )


def perturbed(module: nn.Module, spread: float = 0.3) -> nn.Module:
    """The module in double precision, away from its identity-like start."""
    torch.manual_seed(3)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(spread * torch.randn_like(parameter) / math.sqrt(parameter.shape[-1]))
    return module


def points(dim: int, count: int = 64) -> torch.Tensor:
    """Half inside the tail bound of 4, half far outside in some coordinate."""
    x = torch.randn(count, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x[::2] *= 6
    return x


@pytest.mark.parametrize("options", FLOWS, ids=identify)
def test_inverse_undoes_forward_in_and_outside_the_tail_bound(options):
    flow = perturbed(CouplingFlow(**options))
    x = points(flow.dim)
    z, _ = flow(x)
    assert (z - x).abs().max() > 0.1
    torch.testing.assert_close(flow.inverse(z), x, atol=1e-9, rtol=0)
    torch.testing.assert_close(flow(flow.inverse(x))[0], x, atol=1e-9, rtol=0)


@pytest.mark.parametrize("options", FLOWS, ids=identify)
def test_log_det_is_that_of_the_autograd_jacobian(options):
    flow = perturbed(CouplingFlow(**options))
    x = points(flow.dim, 8)
    _, log_abs_det = flow(x)
    for row, value in zip(x, log_abs_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda r: flow(r[None])[0][0], row)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, value)


@pytest.mark.parametrize("options", FLOWS, ids=identify)
def test_likelihood_reaches_every_parameter(options):
    flow = perturbed(CouplingFlow(**options))
    flow.log_prob(points(flow.dim)).mean().backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("options", FLOWS, ids=identify)
def test_state_dict_restores_the_map_of_another_seed(options):
    torch.manual_seed(0)
    flow = perturbed(CouplingFlow(**options))
    flow.standardise(points(flow.dim, 200))
    torch.manual_seed(99)
    other = CouplingFlow(**options).double()
    other.load_state_dict(flow.state_dict())
    x = points(flow.dim)
    torch.testing.assert_close(other(x), flow(x), atol=0, rtol=0)


@pytest.mark.parametrize("coupling", ["spline", "affine"])
def test_starts_as_its_standardisation(coupling):
    flow = CouplingFlow(4, coupling=coupling, shift=1.0, scale=2.0).double()
    x = points(4)
    z, log_abs_det = flow(x)
    torch.testing.assert_close(z, (x - 1) / 2)
    torch.testing.assert_close(log_abs_det, torch.full((64,), -4 * math.log(2.0)).double())


def test_starts_as_a_permutation_with_lu_mixing():
    x = points(16)
    z, log_abs_det = CouplingFlow(16, 2, blocks=6, mixing="lu", coupling="affine").double()(x)
    torch.testing.assert_close(z.sort(1).values, x.sort(1).values)
    torch.testing.assert_close(log_abs_det, torch.zeros(64).double())


def test_density_integrates_to_one():
    flow = perturbed(CouplingFlow(2))
    axis = torch.linspace(-12, 12, 241, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = flow.log_prob(grid).exp().sum() * (axis[1] - axis[0]) ** 2
    assert abs(total.item() - 1) < 2e-3


def test_fresh_flow_is_the_normal_density():
    x = points(3)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    torch.testing.assert_close(CouplingFlow(3).double().log_prob(x), normal)


@pytest.mark.parametrize("whiten", [False, True])
def test_standardise_takes_mean_and_covariance_from_data(whiten):
    torch.manual_seed(0)
    data = torch.randn(500, 4).double() @ torch.randn(4, 4).double() + 5
    flow = CouplingFlow(4).double()
    flow.standardise(data, whiten)
    z, log_abs_det = flow(data)
    covariance = torch.cov(z.T)
    expected = torch.eye(4).double() if whiten else torch.corrcoef(data.T)
    torch.testing.assert_close(covariance, expected)
    torch.testing.assert_close(z.mean(0), torch.zeros(4).double())
    torch.testing.assert_close(log_abs_det[0], torch.linalg.slogdet(flow.weight).logabsdet)
    torch.testing.assert_close(flow.inverse(z), data)


def test_split_and_join_are_inverse_and_z1_comes_first():
    flow = CouplingFlow(5, informative_dim=2)
    z = torch.randn(7, 5)
    z1, z0 = flow.split(z)
    assert z1.shape == (7, 2)
    assert z0.shape == (7, 3)
    assert torch.equal(flow.join(z1, z0), z)
    assert torch.equal(z1, z[:, :2])


def test_repr_tells_the_sizes():
    text = repr(CouplingFlow(16, 2, blocks=2, mixing="lu", bins=8))
    assert "dim=16, informative_dim=2, blocks=2" in text
    assert "moves 8 of 16 by splines of 8 bins within ±4" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 1}, "at least 2"),
        ({"dim": 2, "informative_dim": 2}, "between 1 and dim - 1 = 1, got 2"),
        ({"dim": 2, "informative_dim": 0}, "between 1 and dim - 1 = 1, got 0"),
        ({"dim": 2, "blocks": 0}, "blocks"),
        ({"dim": 2, "mixing": "shuffle"}, "'rotation'"),
        ({"dim": 2, "coupling": "cubic"}, "'spline' or 'affine'"),
        ({"dim": 2, "halves": 3}, "halves"),
        ({"dim": 2, "bins": 1}, "bins=1"),
        ({"dim": 2, "bins": 1000}, "2 to 999 bins .* bins=1000"),
        ({"dim": 2, "tail_bound": 0.0}, "tail_bound=0"),
        ({"dim": 2, "scale": 0.0}, "scale of a flow must be positive"),
        ({"dim": 2, "shift": [1.0, 2.0, 3.0]}, "one number or 2, got 3"),
        ({"dim": 2, "activation": "step"}, "activation"),
    ],
)
def test_odd_settings_are_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        CouplingFlow(**options)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 2)])
def test_odd_inputs_are_refused(shape):
    flow = CouplingFlow(2)
    with pytest.raises(ValueError, match=r"takes a \(B, 2\) tensor"):
        flow(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"takes a \(B, 2\) tensor"):
        flow.inverse(torch.zeros(shape))


def test_constant_columns_cannot_be_standardised():
    samples = torch.randn(50, 2)
    samples[:, 1] = 3
    with pytest.raises(ValueError, match="constant direction"):
        CouplingFlow(2).standardise(samples)


@pytest.mark.parametrize("inverse", [False, True])
def test_spline_agrees_with_nflows(inverse):
    torch.manual_seed(0)
    bins, bound = 7, 3.0
    x = (torch.rand(400) * 8 - 4).double()
    params = torch.randn(3 * bins - 1, 400).double()
    widths, heights, slopes = params.T.split([bins, bins, bins - 1], -1)
    expected = unconstrained_rational_quadratic_spline(
        x,
        widths,
        heights,
        slopes + math.log(math.expm1(1 - MIN_SLOPE)),  # ours has slope 1 at zero
        inverse=inverse,
        tail_bound=bound,
    )
    # nflows nudges the last knot by 1e-6 in its search.
    torch.testing.assert_close(
        rational_quadratic(x, params, bound, inverse), expected, atol=1e-9, rtol=1e-9
    )


def test_spline_is_continuous_and_monotone_at_its_ends():
    torch.manual_seed(0)
    params = torch.randn(23, 1).double().expand(23, 2001)
    x = torch.linspace(-4.2, 4.2, 2001, dtype=torch.float64)
    y, log_slope = rational_quadratic(x, params, 4.0)
    assert (y.diff() > 0).all()
    assert y[0] == x[0]
    assert y[-1] == x[-1]
    ends = torch.tensor([-4.0, 4.0], dtype=torch.float64) * (1 - 1e-12)
    y, log_slope = rational_quadratic(ends, params[:, :2], 4.0)
    torch.testing.assert_close(y, ends)
    torch.testing.assert_close(log_slope, torch.zeros(2).double(), atol=1e-8, rtol=0)


def test_spline_refuses_a_wrong_number_of_parameters():
    with pytest.raises(ValueError, match="got 4"):
        rational_quadratic(torch.zeros(3), torch.zeros(4, 3), 1.0)


def test_rotation_mixing_is_orthogonal_up_to_its_scales():
    mixing = perturbed(RotationMixing(5), 1.0)
    rotation = mixing.rotation()
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(5).double())
    torch.testing.assert_close(torch.linalg.det(rotation), torch.tensor(1.0).double())


def test_rotation_mixing_turns_the_plane_by_its_angle():
    mixing = RotationMixing(2).double()
    nn.init.constant_(mixing.angles, 0.3)
    y, _ = mixing(torch.tensor([[1.0, 0.0]]).double())
    torch.testing.assert_close(y, torch.tensor([[math.cos(0.3), -math.sin(0.3)]]).double())


def test_lu_mixing_has_the_determinant_of_its_matrix():
    mixing = perturbed(LUMixing(6), 1.0)
    matrix, log_abs_det = mixing(torch.eye(6).double())
    torch.testing.assert_close(torch.linalg.slogdet(matrix).logabsdet, log_abs_det)
    torch.testing.assert_close(mixing.inverse(matrix)[0], torch.eye(6).double())


def test_trains_towards_a_known_entropy():
    """x uniform on a disc: its entropy is log π, a Gaussian's fit stops at log(2πe/4)."""
    torch.manual_seed(0)
    angle, radius = torch.rand(2, 1000)
    x = radius.sqrt()[:, None] * torch.stack([(6.2832 * angle).cos(), (6.2832 * angle).sin()], 1)
    flow = CouplingFlow(2, bins=8, width=16, depth=1)
    flow.standardise(x)
    optimiser = torch.optim.Adam(flow.parameters(), 2e-2)
    for _ in range(80):
        optimiser.zero_grad()
        loss = -flow.log_prob(x).mean()
        loss.backward()
        optimiser.step()
    gaussian = math.log(2 * math.pi * math.e / 4)
    assert loss.item() < 0.5 * (math.log(math.pi) + gaussian)


def test_missing_values_cannot_be_standardised():
    samples = torch.randn(50, 2)
    samples[3, 1] = float("nan")
    for bad in (samples, samples[:1]):
        with pytest.raises(ValueError, match="at least 2 rows, all finite"):
            CouplingFlow(2).standardise(bad)
