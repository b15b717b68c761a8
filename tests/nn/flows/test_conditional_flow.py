"""ConditionalFlow: densities on lines and circles, inverse, precision, what it can learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from symmetry_pl.nn.flows.conditional_flow import ConditionalFlow

TURN = 2 * math.pi
SMALL = {"context": 4, "hidden": [16], "base_hidden": [8], "layers": 4}
FLOWS = {
    "line": {"dim": 1},
    "circle": {"dim": 1, "periods": [TURN]},
    "lines": {"dim": 5, "scale": [0.25, 0.25, 3.0, 0.25, 1.0], "loc": 0.5},
    "edge slopes": {"dim": 3, "edge_slopes": True, "base_hidden": []},
    "mixed": {"dim": 3, "periods": [None, TURN, 1.0], "loc": [0.0, 0.0, 0.5]},
    "torus": {"dim": 2, "periods": [TURN, 1.0]},
    "squashed": {"dim": 3, "squash": True, "scale": 0.7, "periods": [None, TURN, None]},
}


def build(**options) -> ConditionalFlow:
    torch.manual_seed(3)
    return ConditionalFlow(**{**SMALL, **options}).double().eval()


def perturb(module: nn.Module, spread: float = 1.0) -> nn.Module:
    """Move the module away from its start at the identity."""
    torch.manual_seed(4)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(spread * torch.randn_like(parameter) / math.sqrt(parameter.shape[-1]))
    return module


@pytest.fixture(params=FLOWS.values(), ids=FLOWS.keys())
def flow(request):
    return perturb(build(**request.param))


def inputs(flow, count=64):
    """Standard normal noise and contexts."""
    torch.manual_seed(5)
    shape = flow.loc.to(torch.float64)
    return torch.randn(count, flow.dim).to(shape), torch.randn(count, flow.context).to(shape)


def test_couplings_and_their_inverses_undo_each_other(flow):
    noise, h = inputs(flow)
    z = noise.clone()
    z[:, flow.circular] = torch.erf(z[:, flow.circular])
    u, backward = flow.couplings.inverse(z, h)
    assert (u - z).abs().max() > 0.1
    again, forward = flow.couplings(u, h)
    torch.testing.assert_close(again, z, atol=1e-8, rtol=0)
    torch.testing.assert_close(forward, -backward, atol=1e-7, rtol=1e-7)
    torch.testing.assert_close(flow.couplings.inverse(again, h)[0], u, atol=1e-8, rtol=0)


def test_log_prob_is_that_of_the_change_of_variables(flow):
    noise, h = inputs(flow, 6)
    eta = flow.sample(noise, h)
    found = flow.log_prob(eta, h)
    for row in range(len(eta)):
        jacobian = torch.autograd.functional.jacobian(
            lambda e, row=row: flow.sample(e[None], h[row : row + 1])[0], noise[row]
        )
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(noise[row]).sum()
        torch.testing.assert_close(
            found[row], normal - torch.linalg.slogdet(jacobian).logabsdet, atol=1e-7, rtol=1e-7
        )


def test_likelihood_reaches_every_parameter(flow):
    noise, h = inputs(flow)
    flow(flow.sample(noise, h).detach(), h).mean().backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def integral(flow, *axes):
    """Of p over a grid of the midpoints of ``axes``, for two contexts."""
    grid = torch.cartesian_prod(*axes).view(-1, len(axes))
    cell = math.prod(float(axis[1] - axis[0]) for axis in axes)
    _, contexts = inputs(flow, 2)
    with torch.no_grad():
        return [
            cell * float(flow.log_prob(grid, h.expand(len(grid), -1)).exp().sum()) for h in contexts
        ]


def midpoints(low, high, count):
    return torch.linspace(low, high, 2 * count + 1, dtype=torch.float64)[1::2]


@pytest.mark.parametrize("edge_slopes", [False, True])
def test_density_on_a_line_integrates_to_one(edge_slopes):
    flow = perturb(build(dim=1, edge_slopes=edge_slopes), 0.4)
    assert integral(flow, midpoints(-30, 30, 30_000)) == pytest.approx([1, 1], abs=1e-4)


def test_density_on_a_circle_integrates_to_one():
    flow = perturb(build(dim=1, periods=[TURN], loc=0.3), 0.4)
    assert integral(flow, midpoints(1, 1 + TURN, 20_000)) == pytest.approx([1, 1], abs=1e-4)


def test_squashed_density_integrates_to_one_within_its_bounds():
    flow = perturb(build(dim=1, squash=True, loc=1.0, scale=0.5), 0.4)
    assert integral(flow, midpoints(0.5, 1.5, 50_000)) == pytest.approx([1, 1], abs=1e-3)


def test_density_on_a_cylinder_integrates_to_one():
    flow = perturb(build(dim=2, periods=[None, 1.0]), 0.5)
    axes = midpoints(-10, 10, 400), midpoints(0, 1, 100)
    assert integral(flow, *axes) == pytest.approx([1, 1], abs=2e-3)


@pytest.mark.parametrize("options", FLOWS.values(), ids=FLOWS.keys())
def test_a_new_flow_is_its_base(options):
    flow = build(**options)
    noise, h = inputs(flow)
    u, log_abs_det = flow.couplings(noise.clamp(-0.99, 0.99), h)
    torch.testing.assert_close(u, noise.clamp(-0.99, 0.99), atol=1e-12, rtol=0)
    torch.testing.assert_close(log_abs_det, torch.zeros(64).double(), atol=1e-12, rtol=0)
    if not flow.linear:
        volume = (2 * flow.scale).log().sum().expand(64)
        torch.testing.assert_close(flow.log_prob(noise, h), -volume)


def test_new_flow_is_normal_with_softplus_scale():
    flow = build(dim=2, scale=[2.0, 0.5], loc=1.0)
    eta, h = inputs(flow)
    mean, raw = flow.base(h).chunk(2, 1)
    spread = (1e-4 + nn.functional.softplus(raw)) * flow.scale
    normal = torch.distributions.Normal(1.0 + flow.scale * mean, spread)
    torch.testing.assert_close(flow.log_prob(eta, h), normal.log_prob(eta).sum(1))


@pytest.mark.parametrize("size", [3.0, 30.0, 300.0])
@pytest.mark.parametrize("options", FLOWS.values(), ids=FLOWS.keys())
def test_samples_of_wild_weights_are_numbers(options, size):
    flow = build(**options).float()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.normal_(0, size)
    noise, h = inputs(flow, 2000)
    eta = flow.sample(noise.float(), h.float())
    assert eta.isfinite().all()
    assert not flow.log_prob(eta, h.float()).isnan().any()
    circular = (eta - flow.loc)[:, flow.circular] / flow.scale[flow.circular]
    assert (circular.abs() <= 1 + 1e-6).all()


def test_density_of_an_angle_has_no_seam():
    flow = perturb(build(dim=3, periods=[None, TURN, 1.0], loc=[0.0, 0.2, 0.5]), 0.4)
    eta, h = inputs(flow)
    expected = flow.log_prob(eta, h)
    for column in (1, 2):
        turned = eta.clone()
        period = 2 * flow.scale[column]
        turned[:, column] += 3 * period
        torch.testing.assert_close(flow.log_prob(turned, h), expected)
        sides = []
        for side in (-1e-9, 1e-9):
            turned[:, column] = flow.loc[column] + period / 2 + side
            sides.append(flow.log_prob(turned, h))
        torch.testing.assert_close(*sides, atol=1e-6, rtol=1e-7)


def test_autocast_does_not_reach_the_flow():
    flow = perturb(build(dim=3, periods=[None, TURN, None])).float()
    noise, h = (values.float() for values in inputs(flow))
    h = h.bfloat16()
    eta, log_prob = flow.sample(noise, h.float()), flow.log_prob(noise, h.float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(flow.sample(noise, h), eta)
        assert torch.equal(flow.log_prob(noise, h), log_prob)
    assert log_prob.dtype == torch.float32


def test_dropout_acts_in_training_only():
    flow = perturb(build(dim=3, dropout=0.5))
    eta, h = inputs(flow)
    torch.testing.assert_close(flow.log_prob(eta, h), flow.log_prob(eta, h))
    flow.train()
    assert not torch.allclose(flow.log_prob(eta, h), flow.log_prob(eta, h))


def test_squashed_samples_stay_within_bounds():
    flow = perturb(build(dim=2, squash=True, loc=[1.0, -1.0], scale=[0.5, 2.0]), 3.0)
    noise, h = inputs(flow, 1000)
    eta = flow.sample(3 * noise, h)
    assert ((eta - flow.loc).abs() <= flow.scale).all()
    outside = flow.loc + 1.5 * flow.scale
    nearest = flow.loc + (1 - 1e-6) * flow.scale
    values = [flow.log_prob(e.expand(1000, -1), h) for e in (outside, nearest)]
    torch.testing.assert_close(*values)


def test_standardise_moves_lines_and_leaves_circles():
    flow = perturb(build(dim=2, periods=[None, TURN]))
    eta, h = inputs(flow)
    before = flow.log_prob(eta, h)
    flow.standardise(torch.tensor([3.0, 9.0]), torch.tensor([0.5, 9.0]))
    moved = torch.stack([3 + 0.5 * eta[:, 0], eta[:, 1]], 1)
    torch.testing.assert_close(flow.log_prob(moved, h), before - math.log(0.5))
    other = build(dim=2, periods=[None, TURN])
    other.load_state_dict(flow.state_dict())
    assert torch.equal(other.log_prob(eta, h), flow.log_prob(eta, h))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim of a conditional flow must be at least 1, got 0"),
        ({"dim": 2, "context": 0}, "context"),
        ({"dim": 2, "layers": 0}, "layers"),
        ({"dim": 2, "bins": 1}, "2 to 999 bins .* bins=1"),
        ({"dim": 2, "bound": 0.0}, "bound=0"),
        ({"dim": 2, "scale": [1.0, 0.0]}, "scale of a flow must be positive"),
        ({"dim": 2, "loc": [1.0]}, "loc of a flow is one number or 2, got 1"),
        ({"dim": 2, "periods": [None]}, "2 positive numbers or None"),
        ({"dim": 2, "periods": [None, -1.0]}, "2 positive numbers or None"),
        ({"dim": 2, "dropout": 1.0}, "dropout"),
    ],
)
def test_odd_settings_are_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_odd_inputs_are_refused():
    flow = build(dim=2)
    with pytest.raises(ValueError, match=r"takes eta of shape \(B, 2\), got \(3, 4\)"):
        flow.log_prob(torch.zeros(3, 4), torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"shape \(3, 4\), got \(2, 4\)"):
        flow.sample(torch.zeros(3, 2), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="positive scales"):
        flow.standardise(torch.zeros(2), torch.zeros(2))
    with pytest.raises(ValueError, match="squashed"):
        build(dim=2, squash=True).standardise(torch.zeros(2), torch.ones(2))


def test_learns_angles_that_are_uniform_or_bimodal_across_the_cut():
    """Given h = 0 uniform, given h = 1 two bumps of σ = .2, at 0 and at the cut of the circle.

    The learning rate falls to 0: at a constant one the last step is one point of a noisy orbit,
    0.02 to 0.1 nats above the entropy by seed and by the rounding of the processor; so it is 0.01
    to 0.02 (over 20 seeds), of which 0.007 is the standard error of the mean of 10,000 draws.
    """
    torch.manual_seed(0)
    flow = ConditionalFlow(1, context=1, layers=2, bins=8, hidden=[32], periods=[TURN])
    steps = 300
    optimiser = torch.optim.Adam(flow.parameters(), 1e-2)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)

    def draw(count):
        two = torch.rand(count, 1) < 0.5
        bump = math.pi * (torch.rand(count, 1) < 0.5) + 0.2 * torch.randn(count, 1)
        angle = torch.where(two, bump, TURN * torch.rand(count, 1))
        return (angle + math.pi) % TURN - math.pi, two.float()

    for _ in range(steps):
        optimiser.zero_grad()
        (-flow.log_prob(*draw(512)).mean()).backward()
        optimiser.step()
        falling.step()
    angle, two = draw(20_000)
    with torch.no_grad():
        log_prob = flow.log_prob(angle, two)
        drawn = flow.sample(torch.randn(20_000, 1), torch.ones(20_000, 1))
    entropy = math.log(2) + 0.5 * math.log(TURN * math.e * 0.2**2)
    assert -log_prob[two[:, 0] == 0].mean() == pytest.approx(math.log(TURN), abs=0.03)
    assert -log_prob[two[:, 0] == 1].mean() == pytest.approx(entropy, abs=0.05)
    assert (drawn.abs() <= math.pi).all()
    bumps = [(drawn.abs() < 0.6), (drawn > math.pi - 0.6), (drawn < 0.6 - math.pi)]
    shares = [bump.float().mean().item() for bump in bumps]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.04)
