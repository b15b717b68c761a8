"""Sums over two real processes, and their gradients."""

import pytest
import torch
import torch.distributed as dist
from processes import in_processes

from symmetry_pl.core.distributed import all_reduce_sum, world_size


def _loss(x, reduce):
    """A loss that couples samples: log-determinant of the second moments."""
    moments = reduce(x.T @ x) / reduce(torch.tensor(float(len(x)), dtype=x.dtype))
    return torch.logdet(moments)


def _worker(rank, store, x, weight, folder):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    parameter = weight.clone().requires_grad_(True)
    loss = _loss(x[rank::2] @ parameter, all_reduce_sum)
    loss.backward()
    dist.all_reduce(parameter.grad)  # what DDP does: the mean over processes
    torch.save((loss.detach(), parameter.grad / 2), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.ddp
def test_two_processes_have_the_loss_and_the_gradient_of_one(tmp_path):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    weight = torch.randn(3, 3, dtype=torch.float64, generator=generator)
    alone = weight.clone().requires_grad_(True)
    loss = _loss(x @ alone, all_reduce_sum)
    loss.backward()
    in_processes(_worker, str(tmp_path / "store"), x, weight, str(tmp_path))
    for rank in range(2):
        other_loss, gradient = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(other_loss, loss.detach(), rtol=1e-12, atol=0)
        torch.testing.assert_close(gradient, alone.grad, rtol=1e-10, atol=1e-12)


def test_alone_it_is_the_identity():
    x = torch.randn(3, requires_grad=True)
    assert all_reduce_sum(x) is x
    assert world_size() == 1
