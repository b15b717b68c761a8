"""Factors of resampled images against those of the data, over batches and processes."""

import pytest
import torch
import torch.distributed as dist
from processes import in_processes

from symmetry_pl.sgm.factors import FactorSamples, factor_distances


def test_factors_of_all_batches_stand_together():
    samples = FactorSamples()
    batches = [(torch.rand(n, 3), torch.rand(n, 3)) for n in (4, 2)]
    for true, drawn in batches:
        samples.update(true, drawn)
    for found, parts in zip(samples.compute(), zip(*batches, strict=True), strict=True):
        assert torch.equal(found, torch.cat(parts))


def _worker(rank, store, true, drawn, folder):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    samples = FactorSamples()
    cut = slice(rank, None, 2)  # as a sampler deals them
    samples.update(true[cut], drawn[cut])
    torch.save(samples.compute(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.ddp
def test_all_processes_have_the_factors_of_all(tmp_path):
    true, drawn = torch.rand(7, 3), torch.rand(7, 3)
    in_processes(_worker, str(tmp_path / "store"), true, drawn, str(tmp_path))
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert torch.equal(found[0], true)
        assert torch.equal(found[1], drawn)


def test_factors_are_compared_class_by_class():
    bins = {
        "low": {"place": ([0.0, 0.5, 1.0], None)},
        "high": {"place": ([0.0, 0.5, 1.0], None)},
    }
    true = torch.tensor([[0, 0.1], [0, 0.2], [1, 0.1], [1, 0.9], [1, 0.2], [1, 0.8]])
    drawn = torch.tensor([[0, 0.3], [0, 0.7], [1, 0.9], [1, 0.9], [1, 0.9], [1, 0.3]])
    found = factor_distances(drawn, true, bins)
    assert found["factor_tv_low_place"] == pytest.approx(0.5)
    assert found["factor_tv_high_place"] == pytest.approx(0.25)
    assert found["factor_tv"] == pytest.approx(0.5)
    assert found["factor_tv_null"] == 0
