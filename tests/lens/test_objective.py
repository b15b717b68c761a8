"""Whole steps: plain loops, options, several processes."""

import math
import threading
from itertools import product

import pytest
import torch

from symmetry_pl.groups import OneParameterSubgroup, lift_matrix
from symmetry_pl.lens.densities.density_model import DensityModel, conditioning_pixels
from symmetry_pl.lens.densities.em import OnlineMixture
from symmetry_pl.lens.losses import covariance, standardise_whole
from symmetry_pl.lens.objective import loss_terms


def draw(*shape, seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def densities(d, hidden=5, **options):
    model = DensityModel(d, 4, hidden, "gradient", **options).double()
    with torch.no_grad():
        for module in (model.marginals, model.conditionals):
            for k, p in enumerate(module.parameters() if module else ()):
                p.copy_(draw(*p.shape, seed=k))
    return model


def evaluated(y, slots, model, rank=0.5, known=None, ring=False, reduce=None):
    """Terms of the generator's loss, and the loss of the densities."""
    scores = model.scores(y, slots, reduce)
    spread = covariance(y, reduce) if known is None else known
    return loss_terms(scores, spread, rank, ring), scores


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
    model = densities(d, pairing=pairing)
    y, slots = draw(2 * d + 1, d), torch.arange(2 * d + 1) % d
    terms, scores = evaluated(y, slots, model, ring=ring)
    found = (terms.uniformity, terms.marginal_entropy, scores.marginal_nll, scores.conditional_nll)
    with torch.no_grad():
        expected = slow_terms(y, slots, model.marginals, model.conditionals, ring, pairing)
    assert [f.item() for f in found] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("pairing", ["paired", "unpaired"])
def test_gradcheck_of_the_model_loss(pairing):
    model = densities(3, pairing=pairing)
    x, slots = draw(9, 3), torch.arange(9) % 3

    def loss(a, phi):
        y = x @ lift_matrix(OneParameterSubgroup(a), phi).T
        return evaluated(y, slots, model, 0.4)[0].loss()

    inputs = draw(5, 5, seed=1).requires_grad_(True), draw(3, seed=2).requires_grad_(True)
    assert torch.autograd.gradcheck(loss, inputs)


# -- options ---------------------------------------------------------------------------------------


def test_the_loss_is_the_weighted_sum():
    terms, _ = evaluated(draw(12, 4), torch.arange(12) % 4, densities(4))
    a, u, h, j = terms.alignment, terms.uniformity, terms.marginal_entropy, terms.joint_entropy
    torch.testing.assert_close(terms.loss(), a + 2 * u + h - 2 * j)
    torch.testing.assert_close(terms.loss(2, 3, 4, 5), 2 * a + 3 * u + 4 * h - 9 * j)
    torch.testing.assert_close(terms.resolution, h - j)


def test_conditional_terms_use_the_rows_that_have_slots():
    model = densities(4)
    y, slots = draw(12, 4), torch.arange(8) % 4
    whole, part = evaluated(y, slots, model), evaluated(y[:8], slots, model)
    assert whole[1].conditional_nll == part[1].conditional_nll
    assert whole[0].conditional_uniformity == part[0].conditional_uniformity
    assert whole[1].marginal_nll != part[1].marginal_nll


def test_a_known_covariance_replaces_that_of_the_batch():
    y, slots, model = draw(12, 4), torch.arange(12) % 4, densities(4)
    batch, _ = evaluated(y, slots, model)
    known, _ = evaluated(y, slots, model, known=torch.eye(4, dtype=y.dtype))
    assert known.alignment == 0
    assert known.joint_entropy.item() == pytest.approx(0.5 * math.log(2 * math.pi * math.e))
    assert known.uniformity == batch.uniformity


@pytest.mark.parametrize("marginals", ["em", "gradient"])
def test_densities_alone_have_the_same_loss_and_gradients(marginals):
    y, slots, model = draw(12, 4).requires_grad_(True), torch.arange(12) % 4, densities(4)
    if marginals == "em":
        model.online = OnlineMixture(4)
    parameters = [p for part in model.trained for p in part.parameters()]
    assert len(parameters) == (4 if marginals == "em" else 7)
    whole, alone = model.loss(model.scores(y, slots)), model.loss_at_rest(y, slots)
    torch.testing.assert_close(alone, whole)
    for a, b in zip(*(torch.autograd.grad(v, parameters) for v in (alone, whole)), strict=True):
        torch.testing.assert_close(a, b)


def test_without_conditional_densities_their_terms_are_0():
    model, y = densities(4, hidden=None), draw(12, 4).requires_grad_(True)
    terms, scores = evaluated(y, torch.arange(0), model)
    assert scores.conditional is None
    assert scores.conditional_nll == terms.conditional_uniformity == 0
    terms.loss().backward()
    assert torch.isfinite(y.grad).all()
    model.online = OnlineMixture(4)
    assert model.loss_at_rest(y, torch.arange(0)) == 0


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("most", [None, 0, 1, 2, 5])
def test_every_process_conditions_on_its_places_in_the_global_batch(world, most):
    dim, rows = 3, 12
    dealt = [conditioning_pixels(rows // world, dim, most, rank, world) for rank in range(world)]
    whole = torch.arange(rows if most is None else min(rows, most * dim)) % dim
    assert sorted(torch.cat(dealt).tolist()) == sorted(whole.tolist())
    for rank, part in enumerate(dealt):
        assert torch.equal(part, whole[rank::world])


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
        own, densities_ = lift.clone().requires_grad_(True), densities(d, pairing=pairing)
        rows = slice(None) if reduce is None else slice(rank, None, count)
        slots = torch.arange(size)[rows] % d
        y = standardise_whole(x[rows], reduce) @ own.T
        terms, scores = evaluated(y, slots, densities_, 0.4, reduce=reduce)
        model, likelihood = terms.loss(), densities_.loss(scores)
        # the penalty on the weights is no sum over samples: every process has all of it
        penalty = 1e-5 * densities_.conditionals.norms()
        return torch.stack([model, likelihood]).detach(), [
            *torch.autograd.grad(model, own),
            *torch.autograd.grad(likelihood - penalty, list(densities_.parameters())),
        ]

    expected, gradients = work(0, None)
    results = Processes(count).run(work)
    for found, _ in results:
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    for k, gradient in enumerate(gradients):
        total = sum(shares[k] for _, shares in results)
        torch.testing.assert_close(total, gradient, rtol=1e-10, atol=1e-13)


def test_a_pixel_that_no_process_conditions_on_is_refused():
    with pytest.raises(ValueError, match="6 rows leaves some of 4 pixels"):
        densities(4).scores(draw(3, 4), torch.arange(3), lambda x: 2 * x)
