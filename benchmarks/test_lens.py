"""Cost of a SymmetryLens step's arithmetic, in fresh processes, so that memory can be told."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from symmetry_pl.groups import OneParameterSubgroup, lift_matrix

# pixels, padding, batch, hidden units, rows that serve the conditional densities
STEPS = {
    "7 pixels, as published": (7, 7, 2520, 112, 2520),
    "33 pixels, as published": (33, 33, 16_500, 528, 16_500),
    "33 pixels, 20 rows a slot": (33, 8, 2000, 64, 660),
}

SCRIPT = """
import sys, time
import torch
from symmetry_pl.groups import OneParameterSubgroup, lift_matrix
from symmetry_pl.lens.densities.density_model import DensityModel
from symmetry_pl.lens.losses import covariance
from symmetry_pl.lens.objective import loss_terms
from symmetry_pl.runs.provenance import peak_rss_mb

d, padding, batch, hidden, rows = map(int, sys.argv[1:])
torch.set_num_threads(1)
torch.manual_seed(0)
generator = torch.nn.Parameter(1e-3 * torch.randn(d + 2 * padding, d + 2 * padding))
phi = torch.nn.Parameter(torch.randn(d) / d**0.5)
densities = DensityModel(d, 4, hidden, "gradient")
parameters = [generator, phi, *densities.parameters()]
x, slots = torch.randn(batch, d), torch.arange(rows) % d
imported, spent = peak_rss_mb(), []
for _ in range(10):
    start = time.process_time()
    for p in parameters:
        p.grad = None
    y = x @ lift_matrix(OneParameterSubgroup(generator), phi).T
    scores = densities.scores(y, slots)
    loss_terms(scores, covariance(y), 0.5).loss().backward()
    densities.loss(scores).backward()
    spent.append(1e3 * (time.process_time() - start))
spent = sorted(spent[1:])
print(f"RESULT {spent[0]:.1f} ms min {spent[4]:.1f} ms median "
      f"{peak_rss_mb():.0f} MB peak, {imported:.0f} MB before the first step")
"""


@pytest.mark.parametrize("name", STEPS)
def test_arithmetic_of_a_step(name, capsys):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, STEPS[name])],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    with capsys.disabled():
        print(f"\n{name:<28}{done.stdout.removeprefix('RESULT')}", end="")


@pytest.mark.parametrize("size", [21, 99])
def test_lift_and_its_gradient(benchmark, size):
    torch.set_num_threads(1)
    generator = (1e-3 * torch.randn(size, size)).requires_grad_(True)
    phi = torch.randn(size // 3, requires_grad=True)
    benchmark(lambda: lift_matrix(OneParameterSubgroup(generator), phi).sum().backward())
