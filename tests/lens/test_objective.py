"""Whole steps: plain loops, options, several processes."""

import math
import threading
from itertools import product

import pytest
import torch

from symmetry_pl.groups import OneParameterSubgroup, lift_matrix
from symmetry_pl.lens.densities.estimators import ConditionalMixture, MarginalMixture
from symmetry_pl.lens.losses import standardise_whole
from symmetry_pl.lens.objective import estimator_loss, evaluate_terms


def draw(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def estimators(d, hidden=5):
    modules = MarginalMixture(d).double(), ConditionalMixture(d, hidden).double()
    with torch.no_grad():
        for module in modules:
            for k, p in enumerate(module.parameters()):
                p.copy_(draw(*p.shape, seed=k))
    return modules


# -- plain loops -----------------------------------------------------------------------------------


def mixture(value, logits, means, log_variances):
    weights = [math.exp(a) for a in logits]
    density = sum(
        w / sum(weights) * math.exp(-((value - m) ** 2) / (2 * math.exp(v)))
        / math.sqrt(2 * math.pi * math.exp(v))
        for w, m, v in zip(weights, means, log_variances, strict=True)
    )  # fmt: skip
    return math.log(density + 1e-7)


def clip(values):
    return [min(max(v, -4.5), 4.5) for v in values]


def marginal_density(module, i, value):
    p = {name: q[:, i].tolist() for name, q in module.named_parameters()}
    return mixture(value, clip(p["logits"]), p["means"], clip(p["log_variances"]))


def conditional_density(module, j, i, given, value):
    """Eq. 24 and 25 with the activations of the published code, unit by unit."""
    d, heads = module.d, []
    for net in range(3):
        first, bias = module.first[net, j].tolist(), module.bias[net].tolist()
        hidden = [w * given + b for w, b in zip(first, bias, strict=True)]
        hidden = [h if h > 0 else 0.2 * h for h in hidden]
        second, offset = module.second[net].tolist(), module.offset[net].tolist()
        outputs = [offset[k * d + i] + sum(h * row[k * d + i] for h, row in
                   zip(hidden, second, strict=True)) for k in range(4)]  # fmt: skip
        if net == 1:
            heads.append([o if o > 0 else 0.2 * o for o in outputs])
        else:
            heads.append([3.5 * math.tanh(o) for o in outputs])
    return mixture(value, *heads)


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def slow_terms(y, slots, marginal, conditional, ring, pairing):
    """Uniformity (eq. 12, 28, 29), marginal entropy and both likelihood losses."""
    rows, d = y.tolist(), y.shape[1]
    slots = slots.tolist()
    of = {j: [r for r, s in zip(rows, slots, strict=True) if s == j] for j in range(d)}

    def moved(k, shift):
        k += shift
        return k % d if ring else k if 0 <= k < d else None

    pixels = []
    for i in range(d):
        own = mean(marginal_density(marginal, i, r[i]) for r in rows)
        others = [moved(i, s) for s in (-1, 1)]
        others = [mean(marginal_density(marginal, k, r[i]) for r in rows)
                  for k in others if k is not None]  # fmt: skip
        pixels.append(mean(max(0, own - other) for other in others))
    pairs = []
    for j, i in product(range(d), range(d)):
        if i == j:
            continue
        own = mean(conditional_density(conditional, j, i, r[j], r[i]) for r in of[j])
        gaps = []
        for s in (-1, 1):
            m, k = moved(j, s), moved(i, s)
            if m is not None and k is not None:
                used = of[j] if pairing == "paired" else of[m]
                other = mean(conditional_density(conditional, m, k, r[j], r[i]) for r in used)
                gaps.append(max(0, own - other))
        if gaps:
            pairs.append(mean(gaps))
    entropy = -mean(marginal_density(marginal, i, r[i]) for r in rows for i in range(d))
    nll = -mean(conditional_density(conditional, s, i, r[s], r[i])
                for r, s in zip(rows, slots, strict=True) for i in range(d) if i != s)  # fmt: skip
    norms = sum(w.norm().item() for w in (*conditional.first, *conditional.second))
    return (mean(pixels) + mean(pairs)) / 2, entropy, entropy, nll + 1e-5 * norms


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
@pytest.mark.parametrize("d", [3, 4])
def test_terms_are_those_of_plain_loops(d, pairing, ring):
    marginal, conditional = estimators(d)
    y, slots = draw(2 * d + 1, d), torch.arange(2 * d + 1) % d
    terms = evaluate_terms(y, slots, marginal, conditional, 0.5, ring=ring, pairing=pairing)
    found = (terms.uniformity, terms.marginal_entropy, terms.marginal_nll, terms.conditional_nll)
    with torch.no_grad():
        expected = slow_terms(y, slots, marginal, conditional, ring, pairing)
    assert [f.item() for f in found] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
def test_gradcheck_of_the_model_loss(pairing):
    marginal, conditional = estimators(3)
    x, slots = draw(9, 3), torch.arange(9) % 3

    def loss(a, phi):
        y = x @ lift_matrix(OneParameterSubgroup(a), phi).T
        return evaluate_terms(y, slots, marginal, conditional, 0.4, pairing=pairing).model_loss()

    inputs = draw(5, 5, seed=1).requires_grad_(True), draw(3, seed=2).requires_grad_(True)
    assert torch.autograd.gradcheck(loss, inputs)


# -- options ---------------------------------------------------------------------------------------


def test_model_loss_is_the_weighted_sum():
    terms = evaluate_terms(draw(12, 4), torch.arange(12) % 4, *estimators(4), 0.5)
    a, u, h, j = terms.alignment, terms.uniformity, terms.marginal_entropy, terms.joint_entropy
    torch.testing.assert_close(terms.model_loss(), a + 2 * u + h - 2 * j)
    torch.testing.assert_close(terms.model_loss(2, 3, 4, 5), 2 * a + 3 * u + 4 * h - 9 * j)
    torch.testing.assert_close(terms.resolution, h - j)


def test_conditional_terms_use_the_rows_that_have_slots():
    marginal, conditional = estimators(4)
    y, slots = draw(12, 4), torch.arange(8) % 4
    whole = evaluate_terms(y, slots, marginal, conditional, 0.5)
    part = evaluate_terms(y[:8], slots, marginal, conditional, 0.5)
    assert whole.conditional_nll == part.conditional_nll
    assert whole.conditional_uniformity == part.conditional_uniformity
    assert whole.marginal_nll != part.marginal_nll


def test_a_known_covariance_replaces_that_of_the_batch():
    y, slots, modules = draw(12, 4), torch.arange(12) % 4, estimators(4)
    batch = evaluate_terms(y, slots, *modules, 0.5)
    known = evaluate_terms(y, slots, *modules, 0.5, covariance=torch.eye(4, dtype=y.dtype))
    assert known.alignment == 0
    assert known.joint_entropy.item() == pytest.approx(0.5 * math.log(2 * math.pi * math.e))
    assert known.uniformity == batch.uniformity


def test_estimators_alone_have_the_same_loss_and_gradients():
    y, slots, modules = draw(12, 4).requires_grad_(True), torch.arange(12) % 4, estimators(4)
    parameters = [p for m in modules for p in m.parameters()]
    whole = evaluate_terms(y, slots, *modules, 0.5).estimator_loss()
    alone = estimator_loss(y, slots, *modules)
    torch.testing.assert_close(alone, whole)
    for a, b in zip(*(torch.autograd.grad(v, parameters) for v in (alone, whole)), strict=True):
        torch.testing.assert_close(a, b)


def test_without_conditional_densities_their_terms_are_0():
    marginal, _ = estimators(4)
    y = draw(12, 4).requires_grad_(True)
    terms = evaluate_terms(y, torch.arange(0), marginal, None, 0.5)
    assert terms.conditional_nll == terms.conditional_uniformity == 0
    terms.model_loss().backward()
    assert torch.isfinite(y.grad).all()
    assert estimator_loss(y, torch.arange(0), None, None) == 0


# -- several processes -----------------------------------------------------------------------------


class Processes:
    """Threads that sum as processes do: gradients of a sum flow to every share of it."""

    def __init__(self, count):
        self.barrier, self.shares = threading.Barrier(count), [None] * count

    def reduce(self, rank):
        def reduced(x):
            self.shares[rank] = x.detach()
            self.barrier.wait()
            others = sum(s for r, s in enumerate(self.shares) if r != rank)
            self.barrier.wait()
            return x + others

        return reduced

    def run(self, work):
        results = [None] * len(self.shares)

        def one(rank):
            try:
                results[rank] = work(rank, self.reduce(rank))
            except Exception:
                self.barrier.abort()
                raise

        threads = [threading.Thread(target=one, args=(r,)) for r in range(len(results))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_have_the_terms_and_gradients_of_one(count, pairing):
    """Dealt like cards to 3 processes, rows of d = 3 pixels leave each with one slot alone."""
    d, size = 3, 24
    x, lift = draw(size, d), draw(d, d, seed=5)

    def work(rank, reduce):
        own, (marginal, conditional) = lift.clone().requires_grad_(True), estimators(d)
        rows = slice(None) if reduce is None else slice(rank, None, count)
        slots = torch.arange(size)[rows] % d
        y = standardise_whole(x[rows], reduce) @ own.T
        terms = evaluate_terms(y, slots, marginal, conditional, 0.4, pairing=pairing, reduce=reduce)
        model, densities = terms.model_loss(), terms.estimator_loss()
        # the penalty on the weights is no sum over samples: every process has all of it
        penalty = 1e-5 * conditional.norms()
        parameters = [*marginal.parameters(), *conditional.parameters()]
        return torch.stack([model, densities]).detach(), [
            *torch.autograd.grad(model, own),
            *torch.autograd.grad(densities - penalty, parameters),
        ]

    expected, gradients = work(0, None)
    results = Processes(count).run(work)
    for found, _ in results:
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    for k, gradient in enumerate(gradients):
        total = sum(shares[k] for _, shares in results)
        torch.testing.assert_close(total, gradient, rtol=1e-10, atol=1e-13)


def test_a_pixel_that_no_process_conditions_on_is_refused():
    marginal, conditional = estimators(4)
    twice = lambda x: 2 * x  # noqa: E731
    with pytest.raises(ValueError, match="6 rows leaves some of 4 pixels"):
        evaluate_terms(draw(3, 4), torch.arange(3), marginal, conditional, 0.5, reduce=twice)
