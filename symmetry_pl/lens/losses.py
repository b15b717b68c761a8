"""Loss terms of SymmetryLens as functions of covariances and mean log-densities, in nats.

All take what a global batch was summed to: under distributed training the sums are reduced before
(``covariance``, ``Scores``), so that every process computes the loss of the global batch, its
clamps at 0 included.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.information import Reduce, moments

__all__ = [
    "Axis",
    "alignment",
    "axes_of",
    "covariance",
    "joint_entropy",
    "marginal_entropy",
    "shift_divergence",
    "standardise_whole",
]


class Axis(NamedTuple):
    """One axis of a grid of chains, whose pixels are numbered as those of an image.

    Attributes:
        stride: how far the numbers of neighbours are apart.
        along: place of every pixel along the axis, ``(d,)``.
    """

    stride: int
    along: Tensor

    @property
    def length(self) -> int:
        """Number of places."""
        return int(self.along.max()) + 1


def axes_of(domain: Domain) -> list[Axis]:
    """The axes of a grid whose lines all have ends.

    Raises:
        ValueError: if a line closes.

    >>> [(axis.stride, axis.length) for axis in axes_of(Domain(((2, "chain"), (3, "chain"))))]
    [(3, 2), (1, 3)]
    """
    if any(topology == "ring" for _, topology in domain.axes):
        raise ValueError("neighbours on a grid are told apart by their numbers, and rings close")
    found, stride, pixel = [], 1, torch.arange(domain.size)
    for length, _ in reversed(domain.axes):
        found.append(Axis(stride, pixel // stride % length))
        stride *= length
    return found[::-1]


def standardise_whole(x: Tensor, reduce: Reduce | None = None, eps: float = 1e-12) -> Tensor:
    """Subtract one mean and divide by one standard deviation, over samples and pixels together.

    SymmetryLens scales its input so, batch by batch; pixels keep their relative means and scales.

    Args:
        x: ``(B, d)``.
        reduce: sum over processes, for mean and deviation of the global batch.
        eps: added to the variance.

    Returns:
        ``(B, d)``, of the dtype of x.

    >>> standardise_whole(torch.tensor([[1.0, 3.0], [1.0, 3.0]]))
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    wide = x.double()
    sums = torch.stack([wide.sum(), wide.square().sum(), wide.new_tensor(wide.numel())])
    total, square, count = sums if reduce is None else reduce(sums)
    mean = total / count
    variance = (square / count - mean.square()).clamp_min(0)
    scaled: Tensor = (wide - mean) * (variance + eps).rsqrt()
    return scaled.to(x.dtype)


def covariance(y: Tensor, reduce: Reduce | None = None) -> Tensor:
    """Covariance matrix of the global batch, divided by its size B.

    Args:
        y: ``(B, d)``.
        reduce: differentiable sum over processes.

    Returns:
        ``(d, d)``, differentiable. Of y = x Lᵀ it is L Cov(x) Lᵀ, should Cov(x) be known.

    Raises:
        ValueError: if y is not ``(B, d)``, or B < 2 without ``reduce``.
    """
    found = moments(y, y[:, :0], reduce)
    return found.scatter / found.count


def alignment(
    covariance: Tensor, ring: bool = False, eps: float = 1e-12, axis: Axis | None = None
) -> Tensor:
    r"""Minus the mean correlation of neighbouring pixels, signed (eq. 13).

    .. math:: -\langle \mathrm{corr}(y_i, y_{i+1}) \rangle_i \in [-1, 1]

    Args:
        covariance: ``(d, d)``.
        ring: whether the last pixel and the first are neighbours.
        eps: added to every variance.
        axis: of a grid, along which neighbours lie; one line of pixels if None.

    Returns:
        A scalar, differentiable.

    >>> alignment(torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
    tensor(-0.5000)
    """
    deviation = (covariance.diagonal() + eps).sqrt()
    step = 1 if axis is None else axis.stride
    neighbours = covariance.diagonal(step) / (deviation[:-step] * deviation[step:])
    if axis is not None:
        inside = axis.along[:-step] < axis.length - 1
        neighbours = neighbours[inside.to(neighbours.device)]
    if ring:
        closing = covariance[-1, 0] / (deviation[-1] * deviation[0])
        neighbours = torch.cat([neighbours, closing[None]])
    return -neighbours.mean()


def joint_entropy(
    covariance: Tensor, rank: float | Tensor, sharpness: float = 50.0, eps: float = 1e-7
) -> Tensor:
    r"""Entropy a mode of a Gaussian with this covariance, over its leading modes (eq. 26, 27).

    With eigenvalues v_k in descending order, k = 0 … d − 1, and s_k = k / (d − 1),

    .. math:: h_k = \tfrac12 (\log(2 \pi v_k + \epsilon) + 1), \quad
        w_k = \frac{1}{1 + e^{50 (s_k - \tau)}}, \quad H = \sum_k w_k h_k / \sum_k w_k.

    At τ = 0 the first mode has weight ½ and the others nearly none; at τ = 1 the last has ½.

    Args:
        covariance: ``(d, d)``, symmetric; decomposed in float64.
        rank: τ in [0, 1], the time of training measured in learning rates (eq. 21).
        sharpness: of the cut between leading modes and others.
        eps: keeps the entropy of a vanishing mode finite.

    Returns:
        A scalar, float64, differentiable for equal eigenvalues too.

    >>> joint_entropy(torch.eye(3) / (2 * torch.pi), 0.3).item()
    0.5000...
    """
    ascending: Tensor = torch.linalg.eigvalsh(covariance.double())
    modes = ascending.flip(0).clamp_min(0)
    entropy = 0.5 * ((2 * math.pi * modes + eps).log() + 1)
    steps = torch.linspace(0, 1, len(modes), dtype=modes.dtype, device=modes.device)
    weights = torch.sigmoid(sharpness * (rank - steps))
    return (weights * entropy).sum() / weights.sum()


def marginal_entropy(own: Tensor) -> Tensor:
    """Mean entropy of a pixel, −⟨log p_i(y_i)⟩, of mean log-densities ``(d,)`` (eq. 15)."""
    return -own.mean()


def shift_divergence(
    own: Tensor, below: Tensor, above: Tensor, ring: bool = False, axis: Axis | None = None
) -> Tensor:
    r"""How far densities are from their neighbours one pixel on (terms of eq. 12; eq. 28, 29).

    With mean log-densities of pixels (d,) or of pairs (d, d), estimated divergences are clamped
    where their noise makes them negative,

    .. math:: D^\pm_{ji} = \max(0,
        \langle \log p_{i|j} \rangle - \langle \log p_{i\pm1|j\pm1} \rangle),

    averaged over the directions that a pixel or pair has, then over pixels or pairs i ≠ j. On a
    chain both indices must stay in range, and a pair that has no direction does not count.

    Args:
        own: ⟨log p_i⟩ or ⟨log p_{i|j}⟩, [j, i], of the global batch.
        below: the same samples under the densities one pixel down.
        above: the same samples one pixel up.
        ring: whether indices wrap around.
        axis: of a grid, that samples were moved along; one line of pixels if None.

    Returns:
        A scalar ≥ 0, differentiable; 0 where nothing can be compared.

    >>> own = torch.zeros(3)
    >>> shift_divergence(own, own - 1.0, own + 1.0)  # 1 down from pixels 1 and 2, none up
    tensor(0.5000)
    """
    d = len(own)
    pixel = torch.arange(d, device=own.device)
    along = pixel if axis is None else axis.along.to(own.device)
    down, up = along > 0, along < along.max()
    if ring:
        down, up = torch.ones_like(down), torch.ones_like(up)
    if own.ndim == 2:
        other = pixel[:, None] != pixel
        down, up = down[:, None] & down & other, up[:, None] & up & other
    gaps = torch.stack([own - below, own - above]).clamp_min(0)
    allowed = torch.stack([down, up])
    directions = allowed.sum(0)
    mean = torch.where(allowed, gaps, 0.0).sum(0) / directions.clamp_min(1)
    return mean.sum() / (directions > 0).sum().clamp_min(1)
