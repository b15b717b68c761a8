"""How far a covariance is from stationary, and the stationary one nearest to it."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.lattice import Lattice

__all__ = ["fit_symbol", "stationarity_kl"]


def stationarity_kl(covariance: Tensor, lattice: Lattice, coefficients: Tensor) -> Tensor:
    """KL(N(0, C) ‖ N(0, T)) = ½ [tr T⁻¹C − d + log |T| − log |C|], in nats."""
    factor = torch.linalg.cholesky(lattice.covariance(coefficients))
    ratio = torch.cholesky_solve(covariance, factor)
    trace = ratio.diagonal(dim1=-2, dim2=-1).sum(-1)
    log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    kl: Tensor = 0.5 * (trace - lattice.dim + log_det - torch.logdet(covariance))
    return kl


def fit_symbol(covariance: Tensor, lattice: Lattice, max_iter: int = 30) -> Tensor:
    """The coefficients of the stationary covariance nearest to C ``(d, d)`` in KL.

    Fisher scoring with F_ij = ½ tr(T⁻¹ ∂_iT T⁻¹ ∂_jT), from the smoothed mean over equal lags;
    a step that does not lower the KL is halved, up to twenty times, else the search ends.
    """
    coefficients = lattice.coefficients(_rough_symbol(covariance, lattice))
    kl = stationarity_kl(covariance, lattice, coefficients)
    for _ in range(max_iter):
        gradient, fisher = _scores(covariance, lattice, coefficients)
        damping = 1e-6 * fisher.diagonal().mean() * torch.eye(len(fisher), dtype=fisher.dtype)
        step = torch.linalg.solve(fisher + damping, gradient)
        scale = 1.0 / max(1.0, float((lattice.harmonics @ step).abs().amax()))
        for _ in range(20):
            trial = coefficients - scale * step
            lower = stationarity_kl(covariance, lattice, trial)
            if lower < kl:
                break
            scale /= 2
        else:
            break
        gain, kl, coefficients = float(kl - lower), lower, trial
        if gain < 1e-10:
            break
    return coefficients


def _rough_symbol(covariance: Tensor, lattice: Lattice) -> Tensor:
    """The power at each frequency by Bartlett's window, floored at the least eigenvalue."""
    counts = lattice.sum_over_lags(torch.ones_like(covariance))
    mean = lattice.sum_over_lags(covariance) / counts
    lags = torch.arange(lattice.dim, dtype=mean.dtype)
    if lattice.topology == "ring":
        weights = torch.ones_like(mean)
    else:
        weights = (1 - lags / lattice.dim) * torch.where(lags > 0, 2.0, 1.0)
    power = torch.cos(lattice.omega[:, None] * lags) @ (mean * weights)
    return power.clamp_min(0.5 * float(torch.linalg.eigvalsh(covariance)[0]))


def _scores(covariance: Tensor, lattice: Lattice, coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient and Fisher information of the KL in the coefficients."""
    symbol = lattice.symbol(coefficients)
    tangents = ((lattice.harmonics * symbol[:, None]).T @ lattice.integral)[:, lattice.lag]
    root = torch.linalg.cholesky(lattice.covariance(coefficients))
    inverse = torch.linalg.solve_triangular(root, torch.eye(lattice.dim).to(root), upper=False)
    white = inverse @ tangents @ inverse.T
    excess = torch.eye(lattice.dim).to(root) - inverse @ covariance @ inverse.T
    return 0.5 * (white * excess).sum((1, 2)), 0.5 * white.flatten(1) @ white.flatten(1).T
