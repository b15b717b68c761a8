"""Density estimators: closed forms, and every way of evaluation against plain autograd."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from symmetry_pl.lens.densities import pair_scores as pairs_module
from symmetry_pl.lens.densities import scores as scores_module
from symmetry_pl.lens.densities.estimators import ConditionalMixture, MarginalMixture
from symmetry_pl.lens.densities.mixture import Mixture
from symmetry_pl.lens.densities.pair_scores import Heads, conditional_scores
from symmetry_pl.lens.densities.piecewise import DirectNetworks, NetworkWeights, SlotTable

CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def draw(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def marginal(d=5, seed=1):
    """With parameters on both sides of the clips."""
    module = MarginalMixture(d).double()
    with torch.no_grad():
        for k, p in enumerate(module.parameters()):
            p.copy_(draw(*p.shape, seed=seed + k, scale=3.0))
    return module


def conditional(d=4, hidden=7, seed=1, **options):
    """With generic weights, and units that never break, broke or always break."""
    module = ConditionalMixture(d, hidden, **options).double()
    with torch.no_grad():
        for k, p in enumerate(module.parameters()):
            p.copy_(draw(*p.shape, seed=seed + k))
        module.first[:, :, 0] = 0
        module.bias[0, 0], module.bias[1, 0], module.bias[2, 0] = 1.0, -1.0, 0.0
        module.bias[:, 1] = 0
    return module


def weights_of(module):
    return NetworkWeights(module.first, module.bias, module.second, module.offset)


def plainly(module, y, slots, pairing, stride=1):
    """Scores by autograd through ``log_density``: own, below, above, nll."""
    d, found = y.shape[1], []
    for shift in (0, -stride, stride):
        rows = []
        for j in range(d):
            network = (j + shift) % d
            there = torch.full((len(y),), network)
            values = module.log_density(y.roll(shift, 1), y[:, j], there).roll(-shift, 1)
            rows.append(values[slots == (j if pairing == "paired" else network)].mean(0))
        found.append(torch.stack(rows))
    given = y.gather(1, slots[:, None])[:, 0]
    values = module.log_density(y, given, slots)
    others = torch.ones_like(values).scatter_(1, slots[:, None], 0)
    return *found, -(values * others).sum() / others.sum()


# -- marginals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2])
def test_marginal_scores_are_means_of_log_densities(stride):
    module, y = marginal(), draw(9, 5).requires_grad_(True)
    scores = module.scores(y, stride=stride)
    for found, shift in zip(scores[:3], (0, -stride, stride), strict=True):
        moved = Mixture(*(part.roll(-shift, 1) for part in module.mixture))
        expected = moved.log_density(y, 1e-7).mean(0)
        torch.testing.assert_close(found, expected, **CLOSE)
        weights = draw(5, seed=7)
        mine, theirs = (
            torch.autograd.grad(s @ weights, y, retain_graph=True)[0] for s in (found, expected)
        )
        torch.testing.assert_close(mine, theirs, **CLOSE)
    nll = -module.log_density(y).mean()
    torch.testing.assert_close(scores.nll, nll, **CLOSE)
    own, parameters = list(module.parameters()), list(module.parameters())
    mine, theirs = torch.autograd.grad(scores.nll, own), torch.autograd.grad(nll, parameters)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, **CLOSE)
    assert (mine[0] == 0).any()  # some logit is clipped


def test_published_start():
    torch.manual_seed(0)
    module = MarginalMixture(50)
    assert (module.logits == 1).all()
    assert (module.log_variances == 1).all()
    assert module.means.shape == (4, 50)
    assert module.means.abs().max() <= 0.05
    network = ConditionalMixture(10, 160)
    assert network.first.abs().max() <= math.sqrt(6 / 170)
    assert network.first.std().item() == pytest.approx(math.sqrt(2 / 170), rel=0.05)
    assert network.second.std().item() == pytest.approx(math.sqrt(2 / 200), rel=0.05)
    assert not network.bias.any()
    assert not network.offset.any()
    norms = [w.norm() for layer in (network.first, network.second) for w in layer]
    torch.testing.assert_close(network.norms(), sum(norms))


def test_assign_sets_the_mixture():
    module = MarginalMixture(2, components=3).double()
    weights = torch.tensor([[0.2, 0.1], [0.5, 0.1], [0.3, 0.8]], dtype=torch.float64)
    means, variances, y = draw(3, 2), draw(3, 2, seed=1).exp(), draw(4, 2, seed=2)
    module.assign(Mixture(weights.log(), means, variances.log()))
    densities = norm.pdf(y.numpy()[:, None], means.numpy(), variances.sqrt().numpy())
    expected = np.log((weights.numpy() * densities).sum(1) + 1e-7)
    np.testing.assert_allclose(module.log_density(y).detach(), expected, rtol=1e-12)


# -- networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("slot", [0, 3])
def test_tables_have_outputs_slopes_and_gradients_of_the_networks(slot):
    weights = weights_of(conditional(hidden=30))
    slots = torch.full((50,), slot)
    breaks = (-weights.bias / weights.first[:, slot])[:, 2:5].flatten()
    s = torch.cat([draw(30, scale=2.0), torch.tensor([1e6, -1e6]), breaks + 1e-9, breaks - 1e-9])
    s = s[: len(slots)].detach()
    to_outputs = draw(3, len(s), weights.offset.shape[1], seed=4)
    plain = NetworkWeights(*(w.detach() for w in weights))
    results = []
    for networks in (DirectNetworks(plain), SlotTable(plain, slot)):
        gradients = NetworkWeights(*map(torch.zeros_like, plain))
        for rows in (slice(0, 20), slice(20, None)):
            networks.accumulate(s[rows], slots[: len(s)][rows], to_outputs[:, rows])
        networks.finish(gradients)
        networks.finish(gradients)  # nothing is noted twice
        results.append((*networks.outputs(s, slots[: len(s)]), *gradients))
    given = s.clone().requires_grad_(True)
    hidden = given[:, None] * weights.first[:, slot, None] + weights.bias[:, None]
    hidden = torch.nn.functional.leaky_relu(hidden, 0.2)
    outputs = torch.baddbmm(weights.offset[:, None], hidden, weights.second)
    expected = torch.autograd.grad((outputs * to_outputs).sum(), [given, *weights])
    kinks, there = torch.cat([torch.zeros(1), breaks.detach()]), slots[: 1 + len(breaks)]
    direct, table = (
        n.outputs(kinks, there)[0] for n in (DirectNetworks(plain), SlotTable(plain, slot))
    )
    torch.testing.assert_close(direct, table, **CLOSE)  # values; slopes have two sides there
    for value, slope, *gradients in results:
        torch.testing.assert_close(value, outputs, rtol=1e-10, atol=1e-8)
        torch.testing.assert_close((slope * to_outputs).sum((0, 2)), expected[0], **CLOSE)
        for mine, theirs in zip(gradients, expected[1:], strict=True):
            torch.testing.assert_close(
                mine, theirs, rtol=1e-9, atol=1e-9 * theirs.abs().max().item()
            )


# -- conditionals --------------------------------------------------------------------------------


@pytest.mark.parametrize(("pairing", "stride"), [("paired", 1), ("unpaired", 1), ("unpaired", 2)])
@pytest.mark.parametrize("mean_head", ["leaky", "linear"])
@pytest.mark.parametrize("method", ["direct", "table"])
def test_conditional_scores_are_means_of_log_densities(
    method, mean_head, pairing, stride, monkeypatch
):
    module = conditional(method=method, mean_head=mean_head)
    y = draw(23, 4).requires_grad_(True)
    slots = torch.arange(23)[torch.randperm(23, generator=torch.Generator().manual_seed(3))] % 4
    expected = plainly(module, y, slots, pairing, stride)
    weights, parameters = draw(3, 4, 4, seed=9), list(module.parameters())
    to_y = torch.autograd.grad((torch.stack(expected[:3]) * weights).sum(), y, retain_graph=True)[0]
    to_parameters = torch.autograd.grad(expected[3], parameters)

    def small(start, stop, width, device):  # chunks that end within slots and within own rows
        yield from ((k, min(k + 4, stop)) for k in range(start, stop, 4))

    for chunks in (scores_module.chunks, small):
        monkeypatch.setattr(pairs_module, "chunks", chunks)
        scores = module.scores(y, slots, pairing, stride=stride)
        for mine, theirs in zip(scores, expected, strict=True):
            torch.testing.assert_close(mine, theirs, **CLOSE)
        mine = torch.autograd.grad((torch.stack(scores[:3]) * weights).sum(), y)[0]
        torch.testing.assert_close(mine, to_y, **CLOSE)
        for a, b in zip(torch.autograd.grad(scores.nll, parameters), to_parameters, strict=True):
            torch.testing.assert_close(a, b, **CLOSE)


@pytest.mark.parametrize("method", ["direct", "table"])
def test_gradcheck_of_conditional_scores(method):
    module = conditional(d=3, hidden=3, components=2)
    with torch.no_grad():
        module.first[:, :, 0] = 0.3  # finite differences see no unit of weight exactly 0
    tensors = tuple(w.detach().clone().requires_grad_(True) for w in weights_of(module))
    y, slots = draw(5, 3).requires_grad_(True), torch.arange(5) % 3
    heads = Heads(2, 0.2, 1e-3)
    fixed = NetworkWeights(*(t.detach() for t in tensors))
    assert torch.autograd.gradcheck(
        lambda y: conditional_scores(y, slots, fixed, heads, method)[:3], (y,)
    )
    assert torch.autograd.gradcheck(
        lambda *w: conditional_scores(y.detach(), slots, NetworkWeights(*w), heads, method).nll,
        tensors,
    )


@pytest.mark.parametrize("estimator", ["marginal", "conditional"])
def test_the_two_players_share_no_gradient(estimator):
    y = draw(12, 4).requires_grad_(True)
    module = marginal(4) if estimator == "marginal" else conditional()
    arguments = () if estimator == "marginal" else (torch.arange(12) % 4,)
    scores = module.scores(y, *arguments)
    scores.nll.backward()
    assert y.grad is None
    assert all(p.grad is not None for p in module.parameters())
    module.zero_grad()
    sum(s.sum() for s in scores[:3]).backward()  # either order, no graph kept
    assert y.grad.abs().sum() > 0
    assert all(p.grad is None for p in module.parameters())


@pytest.mark.parametrize("estimator", ["marginal", "conditional"])
def test_what_is_not_asked_for_is_not_computed(estimator):
    y = draw(12, 4)
    module = marginal(4) if estimator == "marginal" else conditional()
    arguments = () if estimator == "marginal" else (torch.arange(12) % 4,)
    whole, own = module.scores(y, *arguments), module.scores(y, *arguments, shifted=False)
    torch.testing.assert_close(own.own, whole.own, **CLOSE)
    torch.testing.assert_close(own.nll, whole.nll, **CLOSE)
    assert not own.below.any()
    assert not whole.own.requires_grad
    module.requires_grad_(False)
    assert not module.scores(y, *arguments).nll.requires_grad
    with torch.no_grad():
        assert not module.requires_grad_(True).scores(y, *arguments).nll.requires_grad


def test_float32_agrees_with_float64_on_a_large_network():
    y, slots = draw(600, 6), torch.arange(600) % 6
    torch.manual_seed(0)
    module = ConditionalMixture(6, 96, method="table")
    found = module.scores(y.float(), slots)
    gradients = torch.autograd.grad(found.nll, list(module.parameters()))
    exact = module.double().scores(y, slots)
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    expected = torch.autograd.grad(exact.nll, list(module.parameters()))
    for a, b in zip(gradients, expected, strict=True):
        assert (a - b).norm() < 1e-5 * b.norm()


def test_autocast_changes_nothing():
    y, slots = draw(30, 4).float().requires_grad_(True), torch.arange(30) % 4
    module, pixels = conditional().float(), marginal(4).float()
    expected = (*module.scores(y, slots), *pixels.scores(y))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = (*module.scores(y, slots), *pixels.scores(y))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_bad_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="mean_head must be leaky or linear, got 'relu'"):
        ConditionalMixture(4, 8, mean_head="relu")
    with pytest.raises(ValueError, match="method must be auto, direct or table, got 'fast'"):
        ConditionalMixture(4, 8, method="fast")
    with pytest.raises(ValueError, match="at least 2 pixels, got d=1"):
        ConditionalMixture(1, 8)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        MarginalMixture(4, log_floor=0.0)
    with pytest.raises(ValueError, match=r"y must have shape \(B, 4\) with B >= 1, got \(2, 3\)"):
        MarginalMixture(4).scores(torch.zeros(2, 3))
    module, y = ConditionalMixture(4, 8), torch.zeros(8, 4)
    with pytest.raises(ValueError, match=r"slots must have shape \(8,\), got \(7,\)"):
        module.scores(y, torch.arange(7) % 4)
    with pytest.raises(ValueError, match="slots must lie between 0 and 3"):
        module.scores(y, torch.arange(8))
    with pytest.raises(ValueError, match="pairing must be paired or unpaired, got 'both'"):
        module.scores(y, torch.arange(8) % 4, pairing="both")
    with pytest.raises(ValueError, match="3 rows leaves some of 4 pixels without a row"):
        module.scores(y[:3], torch.arange(3))
