"""Batch-coupled information on two real processes equals that of the whole batch on one."""

import pytest
import torch
import torch.distributed as dist
from processes import in_processes

from symmetry_pl.core.distributed import all_reduce_sum
from symmetry_pl.information import gaussian_information, pairwise_kl, standardise


def losses(x, weight, reduce):
    """Three losses of a linear code, offset so that centring on a local mean would show."""
    z, y = (x + 5) @ weight, x[:, :2] ** 2
    view = standardise(z, reduce)
    return torch.stack(
        [
            gaussian_information(z, y, reduce=reduce),
            pairwise_kl(z, 0.3 * torch.tanh(z), reduce=reduce),
            gaussian_information(view**3, y, ridge=0, reduce=reduce),
        ]
    )


def gradients(values, weight):
    return torch.stack([torch.autograd.grad(v, weight, retain_graph=True)[0] for v in values])


def worker(rank, store, x, weight, folder):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    weight = weight.clone().requires_grad_(True)
    # 14 samples on one process and 10 on the other, of different means
    values = losses(x[:14] if rank == 0 else x[14:], weight, all_reduce_sum)
    gradient = gradients(values, weight)
    dist.all_reduce(gradient)  # what DDP does: the mean over processes
    torch.save((values.detach(), gradient / 2), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.ddp
def test_two_processes_have_the_values_and_gradients_of_one(tmp_path):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(24, 3, dtype=torch.float64, generator=generator).sort(0).values
    x = x + 0.3 * torch.randn(24, 3, dtype=torch.float64, generator=generator)
    weight = torch.randn(3, 2, dtype=torch.float64, generator=generator).requires_grad_(True)
    values = losses(x, weight, None)
    expected = gradients(values, weight)
    assert (expected.abs().amax((1, 2)) > 1e-3).all()
    in_processes(worker, str(tmp_path / "store"), x, weight.detach(), str(tmp_path))
    for rank in range(2):
        found, gradient = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found, values.detach(), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-10)
