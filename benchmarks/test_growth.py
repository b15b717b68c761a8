"""How CPU seconds grow with sizes: ``make bench`` fits an exponent to each group."""

import math

import pytest
import torch
from torch import nn

from symmetry_pl.core.registry import build_named
from symmetry_pl.datamodules import HiddenImagesDataModule, LawsDataModule
from symmetry_pl.groups import build_group
from symmetry_pl.groups.rotations import random_rotations
from symmetry_pl.information import ksg
from symmetry_pl.lens.densities.density_model import DensityModel
from symmetry_pl.lens.domains import find_domain
from symmetry_pl.lens.warm_start import blind_source
from symmetry_pl.metrics.transport import transport_distance
from symmetry_pl.nn.by_name import AUTOENCODERS
from symmetry_pl.sgm.inference import MLPInference
from symmetry_pl.sgm.self_supervision import self_supervision

ROUNDS = 3


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def grown(benchmark):
    """Time a call, and say which size of which growth it is of."""

    def measure(growth, size, call):
        benchmark.group = growth
        benchmark.extra_info |= {"growth": growth, "size": size}
        benchmark.pedantic(call, rounds=ROUNDS, warmup_rounds=1)

    return measure


@pytest.mark.parametrize("dim", [8, 16, 32, 64])
def test_lens_step_in_pixels(grown, dim):
    """Densities of all pairs, 20 rows a slot, and their gradients."""
    densities = DensityModel(dim, 4, 64, "gradient")
    y, slots = torch.randn(2000, dim, requires_grad=True), torch.arange(20 * dim) % dim
    grown(
        "SymmetryLens: densities of a step, in pixels",
        dim,
        lambda: densities.loss(densities.scores(y, slots)).backward(),
    )


@pytest.mark.parametrize("dim", [15, 31, 63])
def test_warm_start_in_pixels(grown, dim):
    data = LawsDataModule("chain", dim=dim, samples=20_000)
    x = data.training_inputs()
    grown("SymmetryLens: warm start, in pixels", dim, lambda: blind_source(x))


@pytest.mark.parametrize("side", [8, 16, 32])
def test_domain_in_pixels(grown, side):
    data = HiddenImagesDataModule("bumps", side, side, samples=10_000)
    x = data.training_inputs()
    grown("hidden domain, in pixels", side**2, lambda: find_domain(x))


@pytest.mark.parametrize("count", [1000, 3000, 10_000])
def test_ksg_in_samples(grown, count):
    z = torch.randn(count, 2)
    grown("KSG, in samples", count, lambda: ksg(z, z[:, :1] + torch.randn(count, 1), k=20))


@pytest.mark.parametrize("dim", [1, 2, 4, 8, 16])
def test_ksg_in_dimensions(grown, dim):
    z = torch.randn(3000, dim)
    grown("KSG, in dimensions", dim, lambda: ksg(z, z[:, :1] + torch.randn(3000, 1), k=20))


@pytest.mark.parametrize("side", [28, 56, 112])
def test_sgm_in_pixels(grown, side):
    """Two copies of 64 images, the published network, and its gradient."""
    group = build_group("affine", bounds=[0.25, 0.25, math.pi, 0.25, 0.25])
    infer = MLPInference(group, (1, side, side))
    x = torch.rand(64, 1, side, side).round() * 2 - 1

    def step():
        first, second = (group.element(group.from_uniform(torch.rand(64, 5))) for _ in range(2))
        self_supervision(group, infer, x, first, second, invertibility=True).mse.backward()

    grown("SGM: a step of self-supervision, in pixels", side**2, step)


@pytest.mark.parametrize("length", [20, 40, 80, 160])
def test_molecules_in_symbols(grown, length):
    options = {"length": length, "symbols": 60, "width": 256, "hidden": 512}
    network = build_named("autoencoder", AUTOENCODERS, "residual_tokens", (16, 16), options)
    x = torch.randint(1, 60, (256, length))

    def step():
        z = network.encode(x)
        loss = network.nll(z, x).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)

    grown("STIB: a step of the autoencoder, in symbols", length, step)


@pytest.mark.parametrize("count", [250, 500, 1000, 2000])
def test_transport_in_elements(grown, count):
    draw = torch.Generator().manual_seed(0)
    one, two = (random_rotations(count, 3, draw) for _ in range(2))
    grown("W1 of elements of SO(3), in elements", count, lambda: transport_distance(one, two))
