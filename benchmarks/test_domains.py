"""Cost of finding a hidden lattice against its size, in fresh processes, so that memory is told."""

import subprocess
import sys
from pathlib import Path

import pytest

SIDES = (8, 16, 24, 32, 48)
SAMPLES = 20_000

SCRIPT = """
import sys, time
import torch
from symmetry_pl.datamodules import HiddenImagesDataModule
from symmetry_pl.lens.domains import find_domain
from symmetry_pl.runs.provenance import peak_rss_mb

side, samples = map(int, sys.argv[1:])
torch.set_num_threads(1)
data = HiddenImagesDataModule("bumps", side, side, samples=samples)
x = data.training_inputs()
before, start = peak_rss_mb(), time.process_time()
found = find_domain(x)
spent = time.process_time() - start
assert found.verdict.name == "lattice"
print(f"{side} x {side}: {spent:.2f} CPU-s, {before:.0f} MB before, {peak_rss_mb():.0f} MB at most")
"""


@pytest.mark.parametrize("side", SIDES)
def test_cost_of_a_lattice(side):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(side), str(SAMPLES)],
        cwd=Path(__file__).parents[1], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    print(done.stdout.strip())
