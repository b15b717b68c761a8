"""Mean log-densities of a batch, in one pass, with the gradients that the two players need.

Derivatives are taken in closed form on the way forward. Each mean log-density enters the loss with
one weight (the clamp at 0 of eq. 28 and 29 included), the same for all its samples. So derivatives
by the samples can be kept as they are, a few ``(B, d)`` tensors, and be weighted afterwards: no
mixture and no hidden layer is ever held for more than some hundred samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from symmetry_pl.information import Reduce
from symmetry_pl.lens.densities.mixture import Mixture

__all__ = ["Scores", "chunks", "marginal_scores", "moves", "over_batch", "with_gradients"]


class Scores(NamedTuple):
    """Mean log-densities over the global batch, in nats, float64.

    ``own``, ``below`` and ``above`` have gradients to y alone, ``nll`` to the parameters alone: the
    two players of SymmetryLens each take their own from one evaluation.

    Attributes:
        own: mean of log p_i(y_i), ``(d,)``, or of log p_{i|j}(y_i | y_j), ``(d, d)``, at [j, i].
        below: log-densities of y_i one pixel down, p_{i−1} or p_{i−1|j−1}. Indices wrap around,
            and are for a chain to ignore; so is i = j.
        above: likewise one pixel up.
        nll: mean negative log-likelihood over samples and pixels i; of pairs, over i ≠ j.
    """

    own: Tensor
    below: Tensor
    above: Tensor
    nll: Tensor


def moves(shifted: bool = True, stride: int = 1) -> tuple[int, ...]:
    """Pixels that densities are moved by: own, below, above; own alone if not ``shifted``."""
    return (0, -stride, stride) if shifted else (0,)


def marginal_scores(
    y: Tensor,
    mixture: Mixture,
    log_floor: float,
    shifted: bool = True,
    reduce: Reduce | None = None,
    stride: int = 1,
) -> Scores:
    """Mean log-densities of every pixel under its own density and under its neighbours'.

    Args:
        y: ``(B, d)``.
        mixture: of every pixel, ``(K, d)``.
        log_floor: density added to every mixture.
        shifted: whether ``below`` and ``above`` are wanted; zeros otherwise.
        reduce: differentiable sum over processes, for the means of the global batch.
        stride: numbers that neighbours are apart by; along the first axis of a grid, more than 1.
    """
    learned = torch.is_grad_enabled() and any(part.requires_grad for part in mixture)
    y = y.to(mixture.means.dtype)
    d, shifts = y.shape[1], moves(shifted, stride)
    gradients = [torch.zeros_like(part) for part in mixture]
    with torch.no_grad():
        moved = Mixture(*(torch.cat([p.roll(-s, 1) for s in shifts], 1) for p in mixture))
        total = y.new_zeros(moved.means.shape[1], dtype=torch.float64)
        score = y.new_empty(len(y) if y.requires_grad else 0, len(total))
        for start, stop in chunks(0, len(y), moved.means.numel(), y.device):
            rows = y[start:stop].repeat(1, len(shifts))
            found = moved.scores(rows, log_floor)
            total += found.log_density.sum(0, dtype=torch.float64)
            if len(score):
                score[start:stop] = found.score
            if learned:
                for gradient, derivative in zip(gradients, found[2:], strict=True):
                    gradient -= derivative[..., :d].sum(0)
    nll = -total[:d].sum()
    if learned:
        nll = with_gradients(nll, gradients, mixture)
    sums = _MarginalSums.apply(y, total.view(-1, d), score.view(len(score), len(shifts), d))
    sums, nll, count = over_batch(sums, nll, y.new_tensor([len(y)]), reduce)
    own, below, above = sums / count
    return Scores(own, below, above, nll / (count[0] * d))


def over_batch(
    sums: Tensor, nll: Tensor, counts: Tensor, reduce: Reduce | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of three shifts, negative log-likelihood and row counts of the global batch.

    Two reductions, not one: a common vector would tie the graphs of the two players together.
    """
    if len(sums) == 1:
        sums = torch.cat([sums, torch.zeros_like(sums), torch.zeros_like(sums)])
    rest = torch.cat([nll[None], counts.to(nll)])
    if reduce is not None:
        sums, rest = reduce(sums), reduce(rest)
    return sums, rest[0], rest[1:].detach()


def chunks(start: int, stop: int, width: int, device: torch.device) -> Iterator[tuple[int, int]]:
    """Even parts of a range of rows, so small that their temporaries stay in a core's cache.

    A graphics card has memory for more, and no patience for many small calls.
    """
    rows = max(1, (3 * 2**15 if device.type == "cpu" else 2**24) // width)
    parts = max(1, -(-(stop - start) // rows))
    size = max(1, -(-(stop - start) // parts))
    for begin in range(start, stop, size):
        yield begin, min(begin + size, stop)


def with_gradients(
    value: Tensor, gradients: Iterable[Tensor], parameters: Iterable[Tensor]
) -> Tensor:
    """A scalar whose gradients to some parameters are known beforehand."""
    known: Tensor = _Known.apply(value, *gradients, *parameters)
    return known


class _Known(torch.autograd.Function):
    """``with_gradients`` of value, gradients and parameters, one after the other."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors[: len(tensors) // 2])
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        return (None, *(None for _ in gradients), *(grads[0].to(g.dtype) * g for g in gradients))


class _MarginalSums(torch.autograd.Function):
    """Sums ``(S, d)`` over samples y ``(B, d)``, with their derivatives ``(B, S, d)``."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, total: Tensor, score: Tensor) -> Tensor:
        ctx.save_for_backward(score)
        return total.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (score,) = ctx.saved_tensors
        return (score * grads[0].to(score.dtype)).sum(1), None, None
