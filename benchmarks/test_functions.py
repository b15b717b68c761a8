"""Cost of what steps and evaluations are made of."""

import pytest
import torch

from symmetry_pl.datamodules.vectors.spiral import SpiralDataset
from symmetry_pl.information import gaussian_information, ksg, pairwise_kl, probe
from symmetry_pl.nn.flows.split_flow import CouplingFlow


@pytest.fixture(scope="module")
def points():
    torch.set_num_threads(1)
    return SpiralDataset("test", 10_000).__getitems__(range(10_000))


def test_spiral_batch_of_60(benchmark):
    data = SpiralDataset("train", 60)
    benchmark(data.__getitems__, list(range(60)))


def test_ksg_of_10000_points(benchmark, points):
    benchmark(ksg, *points, k=20)


def test_probe_of_10000_points(benchmark, points):
    benchmark.pedantic(probe, points, rounds=1)


@pytest.mark.parametrize("batch", [60, 512])
def test_gaussian_information(benchmark, batch):
    z, y = torch.randn(batch, 4, requires_grad=True), torch.randn(batch, 4)
    benchmark(lambda: gaussian_information(z, y).backward())


def test_pairwise_kl_of_512(benchmark):
    mean, log_var = torch.randn(512, 14, requires_grad=True), torch.randn(512, 14)
    benchmark(lambda: pairwise_kl(mean, log_var).backward())


def test_flow_of_1024(benchmark):
    flow, x = CouplingFlow(2), torch.randn(1024, 2)
    benchmark(lambda: (-flow.log_prob(x).mean()).backward())
