"""Sums over processes that gradients pass through.

They make a batch-coupled loss a loss of the global batch.

Lightning's DDP averages parameter gradients over W processes. A loss computed alike on every
process from summed moments m = Σ_r m_r therefore needs the backward of the sum to be the sum of
the incoming gradients: (1/W) Σ_r (Σ_s ∂L/∂m) ∂m_r/∂θ = ∂L/∂m · Σ_r ∂m_r/∂θ. With the plain
``all_reduce`` the gradient would be W times too small.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes in the default group; 1 outside of distributed training."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _AllReduceSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


_BY_PEER = re.compile(
    r"closed by peer|reset by peer|Broken pipe|Connection refused|Timed out waiting"
    r"|remote process exited|communicator was aborted"
)


def peer_lost(error: BaseException) -> bool:
    """Whether an error of a collective says that another process is gone, killed perhaps.

    >>> peer_lost(RuntimeError("gloo/transport/tcp/pair.cc:545 Connection reset by peer"))
    True
    """
    if not isinstance(error, RuntimeError):
        return False
    said = str(error)
    of_a_collective = "gloo" in said or "NCCL" in said or isinstance(error, dist.DistError)
    return of_a_collective and _BY_PEER.search(said) is not None


def reduction() -> Callable[[Tensor], Tensor] | None:
    """``all_reduce_sum``, or None where there is one process and nothing to sum."""
    return all_reduce_sum if world_size() > 1 else None


def all_reduce_sum(x: Tensor) -> Tensor:
    """Σ_r x_r over all processes, differentiable; the identity outside of distributed training.

    Every process must call it the same number of times with the same shape, in the forward and
    in the backward pass: use it in losses that all processes compute.
    """
    return x if world_size() == 1 else _AllReduceSum.apply(x)
