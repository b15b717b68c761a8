"""A whole step against the numbers of the published code."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from symmetry_pl.groups import OneParameterSubgroup, lift_matrix
from symmetry_pl.lens.densities.density_model import DensityModel
from symmetry_pl.lens.losses import covariance, standardise_whole
from symmetry_pl.lens.objective import loss_terms

REFERENCE = Path(os.environ.get("SYMMETRY_DATA", "."), "reference", "symmetrylens_step_d7.npz")


@pytest.fixture(scope="module")
def published():
    if not REFERENCE.exists():
        pytest.skip("no reference values: set SYMMETRY_DATA")
    with np.load(REFERENCE) as stored:
        return {name: torch.from_numpy(stored[name]).double() for name in stored}


def by_component(weight):
    """Our layout of a second layer's last axis, components before pixels, from theirs."""
    return weight.unflatten(-1, (7, 4)).transpose(-1, -2).flatten(-2)


def parts(values, prefix):
    """Our parameters, or their gradients, from theirs."""
    nets = [[values[f"{prefix}{net}_{part}"] for net in ("weights", "mu", "var")]
            for part in ("l1_w", "l1_b", "l2_w", "l2_b")]  # fmt: skip
    first, bias, second, offset = (torch.stack(part).squeeze(-2) for part in nets)
    return {
        "first": first,
        "bias": bias,
        "second": by_component(second),
        "offset": by_component(offset),
    }, {
        "logits": values[f"{prefix}weight_logits"].T,
        "means": values[f"{prefix}kernel_centers"][..., 0].T,
        "log_variances": values[f"{prefix}log_variance"][..., 0].T,
    }


@pytest.mark.parametrize("method", ["direct", "table"])
def test_a_step_has_the_terms_and_gradients_of_the_published_code(published, method):
    densities = DensityModel(7, 4, 112, "gradient", pairing="unpaired").double()
    densities.conditionals.method = method
    modules = densities.conditionals, densities.marginals
    for module, values in zip(modules, parts(published, "w_"), strict=True):
        module.load_state_dict(values)
    parameter = published["w_generator_parametrization"].requires_grad_(True)
    phi = published["w_origin_filters"][0].requires_grad_(True)
    subgroup = OneParameterSubgroup(parameter)
    lift = lift_matrix(subgroup, phi / (phi.norm() + 1e-7))
    # theirs went through complex64: 1e-6 is what it was rounded to
    torch.testing.assert_close(lift, published["lift"].T, rtol=0, atol=5e-6)
    torch.testing.assert_close(subgroup.generator(), published["G"], rtol=0, atol=1e-6)

    def step(lift):
        y = standardise_whole(published["x"]) @ lift.T
        rank, slots = published["tau"].item(), torch.arange(len(y)) % 7
        scores = densities.scores(y, slots)
        return loss_terms(scores, covariance(y), rank), scores

    def listed(t, scores):
        model = [t.alignment, t.uniformity, t.marginal_entropy, -t.joint_entropy]
        return torch.stack([*model, scores.marginal_nll, scores.conditional_nll])

    theirs = step(published["lift"].T)
    torch.testing.assert_close(listed(*theirs), published["terms"], rtol=1e-6, atol=0)
    terms, scores = step(lift)
    torch.testing.assert_close(listed(terms, scores), published["terms"], rtol=5e-6, atol=0)
    found = torch.autograd.grad(terms.loss(), (parameter, phi))
    for mine, expected in zip(found, (published["gA"], published["gphi"][0]), strict=True):
        assert (mine - expected).norm() < 1e-5 * expected.norm()
    densities.loss(scores).backward()
    for module, values in zip(modules, parts(published, "g_"), strict=True):
        for name, expected in values.items():
            mine = module.get_parameter(name).grad
            assert (mine - expected).norm() < 1e-5 * expected.norm(), name
