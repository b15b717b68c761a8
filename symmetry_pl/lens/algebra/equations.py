r"""The linear equations that a generator X of a symmetry satisfies, and their solutions.

A law is left alone by exp(tX) for all t if and only if for all smooth functions f

.. math:: E\,\nabla f(z)^\top X z = 0

which is linear in X. Samples give each equation up to noise, so that a solution is weighed by the
noise of the equations and of itself.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.lens.algebra.moment_functions import FunctionBank

__all__ = ["Directions", "inverse_root", "mean_equations", "residuals", "solve"]

_CHUNK = 1000
_NOISE_ROWS = 6000  # samples that the noise of equations is taken from
_RIDGE = 1e-3  # of the mean variance of an equation, added to all
_JITTER = 1e-6  # of the mean noise of a direction, added to all
_MATRICES = 4  # random ones that weigh the equations before a solution is known


class Directions(NamedTuple):
    """All directions of the matrices X, those that break a law least first.

    Args:
        basis: ``(d², d, d)``, each with 1 for what noise adds; no two share an equation's mean.
        root: R, ``(f, f)``, with RᵀR the inverse covariance of the equations.
        mean: the equations of the samples, ``(f, d²)``.
    """

    basis: Tensor
    root: Tensor
    mean: Tensor


def mean_equations(bank: FunctionBank, z: Tensor) -> Tensor:
    """E ∂_a f(z) z_b, ``(f, d²)``, of samples ``(n, d)``: times vec X, the equations."""
    total = z.new_zeros(bank.size, z.shape[1], z.shape[1])
    for part in torch.split(z, _CHUNK):
        total += bank.equations(part)
    return total.flatten(1) / len(z)


def residuals(bank: FunctionBank, z: Tensor, matrices: Tensor) -> Tensor:
    """∇f(z)ᵀ X z of every sample, function and one of the ``(g, d, d)``: ``(n, f, g)``."""
    found = [bank.along(z, z @ one.T) for one in matrices]
    return torch.stack(found, 2) if found else z.new_zeros(len(z), bank.size, 0)


def solve(bank: FunctionBank, z: Tensor, generators: int = 0) -> Directions:
    r"""Directions in order of how much they break the law of ``(n, d)`` samples.

    .. math:: \min_X \frac{\|R\, \bar r\|^2}{E \|R\, (r - \bar r)\|^2}, \quad
        r = \nabla f(z)^\top X z

    The denominator is what noise alone adds to the numerator, so that noise in the equations does
    not pull the solution towards directions that are quiet (limited-information maximum
    likelihood). R is of the equations of random matrices, and in a second round, if ``generators``
    are asked for, in equal parts of these and of the best directions.
    """
    some = _spread(z, _NOISE_ROWS)
    mean = mean_equations(bank, z)
    common = _covariance(bank, some, _any_matrices(z))
    found = _directions(bank, some, mean, common)
    if not generators:
        return found
    best = torch.linalg.qr(found.basis[:generators].flatten(1).T)[0].T
    own = _covariance(bank, some, best.reshape(-1, *found.basis.shape[1:]))
    return _directions(bank, some, mean, (common + own) / 2)


def _directions(bank: FunctionBank, some: Tensor, mean: Tensor, covariance: Tensor) -> Directions:
    root = inverse_root(covariance)
    weighed = root @ mean
    signal = weighed.T @ weighed
    noise = _noise(bank, some, root) - signal
    noise.diagonal().add_(_JITTER * noise.diagonal().mean())
    inverse = torch.linalg.inv(torch.linalg.cholesky(noise))
    _, vectors = torch.linalg.eigh(inverse @ signal @ inverse.T)
    d = some.shape[1]
    return Directions((inverse.T @ vectors).T.reshape(-1, d, d), root, mean)


def inverse_root(covariance: Tensor) -> Tensor:
    """R with RᵀR the inverse of a covariance of equations ``(f, f)``, made a little larger."""
    ridge = _RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance)).to(covariance)
    root: Tensor = torch.linalg.inv(torch.linalg.cholesky(covariance + ridge))
    return root


def _any_matrices(z: Tensor) -> Tensor:
    """A few random matrices of Frobenius norm 1.

    Rotations alone would not do: nearly round laws give some equations hardly any noise under them,
    and these would then drown what is no rotation.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (_MATRICES, z.shape[1], z.shape[1])
    free = torch.randn(shape, generator=generator, dtype=torch.float64).to(z)
    unit: Tensor = free / torch.linalg.matrix_norm(free)[:, None, None]
    return unit


def _spread(z: Tensor, most: int) -> Tensor:
    """At most so many samples, from all over the set."""
    return z[:: max(1, len(z) // most)][:most]


def _covariance(bank: FunctionBank, z: Tensor, matrices: Tensor) -> Tensor:
    """Mean over matrices of the covariance of their equations, ``(f, f)``."""
    noise = residuals(bank, z, matrices)
    flat = (noise - noise.mean(0)).permute(0, 2, 1).flatten(0, 1)
    return flat.T @ flat / len(flat)


def _noise(bank: FunctionBank, z: Tensor, root: Tensor) -> Tensor:
    """E AᵀRᵀRA, ``(d², d²)``, with A the equations of one sample, ∇f ⊗ z."""
    d, total = z.shape[1], z.new_zeros(z.shape[1] ** 2, z.shape[1] ** 2)
    for part in torch.split(z, _CHUNK):
        slopes = torch.einsum("ef,nfa->nea", root, bank.gradients(part))
        metric = torch.bmm(slopes.mT, slopes)
        square = part[:, :, None] * part[:, None, :]
        both = metric.flatten(1).T @ square.flatten(1)
        total += both.reshape(d, d, d, d).permute(0, 2, 1, 3).reshape(d * d, d * d)
    return total / len(z)
