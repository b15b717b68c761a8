"""Putting independent components in the order of their places, by what they share."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["align_signs", "energy_correlation", "likeness", "places", "spectral_order"]

_NOISE = 3.0  # sampling errors of a correlation below which it counts as none
_PLACELESS = 2 / 3  # of the median strongest correlation; weaker components have no place


def energy_correlation(y: Tensor) -> Tensor:
    """The correlations of |y_k| and |y_l| that stand out of the noise, ``(d, d)``.

    One waveform excites neighbouring components together, though whitening left them uncorrelated.
    The diagonal is 0, and so is all of a component that is constant. Multiplied in float64 and made
    symmetric: in float32 the two halves of a product differ on some processors.
    """
    energy = y.abs().double()
    energy = energy - energy.mean(0)
    covariance = energy.T @ energy
    covariance = 0.5 * (covariance + covariance.T)
    variance = covariance.diagonal()
    scale = torch.where(variance > 0, variance.clamp_min(1e-300).rsqrt(), 0.0)
    correlation = covariance * scale[:, None] * scale - _NOISE / math.sqrt(len(y))
    return correlation.clamp_min(0).fill_diagonal_(0)


def likeness(data: Whitened, rotation: Tensor) -> tuple[Tensor, Tensor]:
    r"""How much independent components have in common, ``(d, d)``, and their energies' part of it.

    .. math:: L_{kl} = e_{kl} + |M_{kl}| / \sqrt{M_{kk} M_{ll}}, \qquad M = R C^{1/2} R^\top

    with e of ``energy_correlation``. Waveforms excite neighbours together, which e sees; sources
    that are independent altogether, as the shocks of an autoregression, have energies that do not
    correlate, but overlap in x: row k of M is the trace of component k in x, in the frame of all.

    Args:
        data: the data.
        rotation: R of ``fast_ica``, ``(d, d)``.
    """
    energies = energy_correlation(data.z @ rotation.to(data.z.dtype).T)
    vectors = rotation @ data.eigenvectors
    trace = (vectors * data.eigenvalues.sqrt()) @ vectors.T
    scale = trace.diagonal().rsqrt()
    overlap = (trace * scale[:, None] * scale).abs().fill_diagonal_(0)
    return energies + 0.5 * (overlap + overlap.T), energies


def spectral_order(similarity: Tensor, lattice: Lattice) -> Tensor:
    """The components in order of the slowest eigenvector(s) of the normalised Laplacian.

    A chain is ordered by one (Fiedler's), a ring by the angle in the plane of two.
    """
    degree = similarity.sum(1).clamp_min(1e-12).rsqrt()
    vectors: Tensor = torch.linalg.eigh(similarity * degree[:, None] * degree)[1]
    vectors = vectors * degree[:, None]
    if lattice.topology == "chain":
        return vectors[:, -2].argsort()
    return torch.atan2(vectors[:, -3], vectors[:, -2]).argsort()


def places(order: Tensor, similarity: Tensor, lattice: Lattice) -> Tensor:
    """The coordinates ``(d, 1)`` or ``(d, 2)`` of the components: even steps along ``order``.

    A component without strong correlations (a mean, or noise) has no place; it is put at the
    origin and takes up no room, so that the others stay evenly spaced.
    """
    strongest = similarity.amax(1)
    placed = (strongest >= _PLACELESS * strongest.median())[order].double()
    dim = lattice.dim
    along = torch.empty(dim, dtype=torch.float64)
    along[order] = (placed.cumsum(0) - 0.5 * placed) / placed.sum() * dim - dim / 2
    if lattice.topology == "chain":
        found = along[:, None]
    else:
        angle = along * 2 * math.pi / dim
        found = torch.stack([angle.cos(), angle.sin()], 1) * dim / (2 * math.pi)
    mask = torch.empty(dim, dtype=torch.float64)
    mask[order] = placed
    return found * mask[:, None]


def align_signs(covariance: Tensor, lattice: Lattice) -> Tensor:
    """The signs ±1 of positions that make their covariance most nearly stationary.

    Starts with neighbours positively correlated; then flips single positions and, on a chain, all
    beyond one, while Σ s_k s_l C_kl r_|k−l| grows, where r are the means over equal lags: in six
    rounds at most, as new signs mean new r.
    """
    dim = lattice.dim
    signs = torch.ones(dim, dtype=torch.float64)
    for k in range(1, dim):
        signs[k] = signs[k - 1] * (1 if covariance[k - 1, k] >= 0 else -1)
    counts = lattice.sum_over_lags(torch.ones_like(covariance))
    for _ in range(6):
        signed = covariance * signs[:, None] * signs
        weight = covariance * (lattice.sum_over_lags(signed) / counts)[lattice.lag]
        weight.fill_diagonal_(0)
        flipped = _climb_signs(weight, signs)
        if torch.equal(flipped, signs):
            break
        signs = flipped
    return signs


def _climb_signs(weight: Tensor, signs: Tensor) -> Tensor:
    """``signs`` after the flips of one, or of all beyond one, that raise sᵀ W s most.

    At most 4 d flips: rounding could make a gain of two that undo each other.
    """
    signs, dim = signs.clone(), len(signs)
    cut = torch.arange(1, dim)
    for _ in range(4 * dim):
        signed = weight * signs[:, None] * signs
        total = signed.cumsum(0).cumsum(1)
        across = total[cut - 1, -1] - total[cut - 1, cut - 1]
        gain = torch.cat([-2 * signed.sum(1), -2 * across])
        best = int(gain.argmax())
        if gain[best] <= 1e-12:
            break
        if best < dim:
            signs[best] *= -1
        else:
            signs[best - dim + 1 :] *= -1
    return signs
