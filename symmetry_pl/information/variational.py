"""Lower bounds of divergences by what a critic says of samples, in nats."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.information.gaussian import Reduce

__all__ = ["donsker_varadhan"]


def donsker_varadhan(of_p: Tensor, of_q: Tensor, reduce: Reduce | None = None) -> Tensor:
    r"""The Donsker-Varadhan bound of KL(P ‖ Q), for each of K critics.

    .. math:: \mathrm{KL}(P \| Q) \ge E_P[T] - \log E_Q[e^T]

    for every T; equality is at T = log dP/dQ + constant (Donsker and Varadhan 1983). With means
    over samples it is an estimate, too large where the critic was fitted to the same samples.

    Args:
        of_p: T of samples of P, ``(n, K)``.
        of_q: T of samples of Q, ``(m, K)``; bounded, as its exponential is summed.
        reduce: differentiable sum over processes, for the means of the global batch.

    Returns:
        ``(K,)`` in float64, differentiable.

    >>> abs(donsker_varadhan(torch.ones(5, 1), torch.ones(7, 1)).item()) < 1e-12
    True
    """
    if reduce is None:
        lost = torch.logsumexp(of_q.double(), 0) - torch.tensor(len(of_q)).double().log()
        return of_p.double().mean(0) - lost
    sums = torch.cat([of_p.double().sum(0), of_q.double().exp().sum(0)])
    counts = of_p.new_tensor([len(of_p), len(of_q)], dtype=torch.float64)
    total, (n, m) = reduce(sums), reduce(counts)
    said, weight = total.chunk(2)
    bound: Tensor = said / n - (weight / m).log()
    return bound
