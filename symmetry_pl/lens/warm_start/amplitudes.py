"""Stationarity beyond second moments: those of the amplitudes |y|."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.descent import Fits, Objective
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["AmplitudeMisfit", "StrictObjective"]

_ROWS = 4096  # a block
_WEIGHT = 0.25  # KL is a quarter of the squared error of the white covariance, too


@dataclass(frozen=True)
class _Moments:
    """Moments of one basis, in units of the mean standard deviation of x."""

    mean: Tensor  # E|y|, (d,)
    mixed: Tensor  # E |y_k| y_l, (d, d)
    energy: Tensor  # Cov(|y_k|, |y_l|), (d, d)
    mixed_noise: float  # Σ_kl var(|y_k| y_l)
    energy_noise: float  # Σ_kl var(|y_k| |y_l|), centred


class AmplitudeMisfit:
    r"""How far the amplitudes of y = Q x are from stationary.

    .. math:: M(Q) = \tfrac14 \Big[ \frac{\lVert A - \bar A \rVert^2}{v}
        + \frac{\lVert B - \bar B \rVert^2}{2 v^2}
        + \frac{2 \lVert m - \bar m \rVert^2}{v} \Big]

    with m_k = E|y_k|, A_kl = E|y_k| y_l, B_kl = Cov(|y_k|, |y_l|), v the mean variance of |y_k|,
    bars for means over entries of equal k − l, and y scaled to mean variance 1. It sees what the
    covariance cannot: signs of eigenvectors, and turns within equal eigenvalues.

    Args:
        data: the data.
        lattice: chain or ring.
        max_samples: uses every so-many-th sample to keep to this many.
    """

    def __init__(self, data: Whitened, lattice: Lattice, max_samples: int = 100_000) -> None:
        self.lattice = lattice
        scale = float(data.covariance.diagonal().mean().sqrt())
        self._inflation = data.inflation
        rows = data.x[:: -(-len(data) // max_samples)]
        self.rotated = rows @ (data.eigenvectors / scale).to(rows)
        index = torch.arange(lattice.dim)
        lag = index[:, None] - index
        self.lag = lag % lattice.dim if lattice.topology == "ring" else lag + lattice.dim - 1
        self.counts = torch.bincount(self.lag.flatten()).double()

    def __call__(self, turn: Tensor) -> tuple[Tensor, Tensor]:
        """M and its gradient in left turns of W = Q U, antisymmetric ``(d, d)``."""
        moments = self._moments(turn)
        variance = moments.energy.diagonal().mean()
        mixed, energy = self._residual(moments.mixed), self._residual(moments.energy)
        mean = moments.mean - moments.mean.mean()
        first = mixed.square().sum() + 2 * mean.square().sum()
        second = energy.square().sum()
        value = _WEIGHT * (first / variance + 0.5 * second / variance**2)
        by_variance = -_WEIGHT * (first / variance**2 + second / variance**3)
        by_mixed = 2 * _WEIGHT * mixed / variance
        by_energy = 2 * _WEIGHT * energy / variance**2
        by_energy = by_energy + 2 * by_variance / self.lattice.dim * torch.eye(self.lattice.dim)
        by_mean = 4 * _WEIGHT * mean / variance - by_energy @ moments.mean
        left = self._pull_back(turn, by_mixed, by_energy, by_mean)
        return value, left - left.T

    def level(self, turn: Tensor) -> float:
        """The M that sampling alone would leave."""
        moments = self._moments(turn)
        variance = float(moments.energy.diagonal().mean())
        noise = moments.mixed_noise / variance + 0.5 * moments.energy_noise / variance**2
        # as many entries as there are lags are absorbed by the means
        kept = 1 - len(self.counts) / self.lattice.dim**2
        return _WEIGHT * noise * kept / len(self.rotated) * self._inflation

    def _residual(self, matrix: Tensor) -> Tensor:
        sums = torch.zeros_like(self.counts).index_add_(0, self.lag.flatten(), matrix.flatten())
        return matrix - (sums / self.counts)[self.lag]

    def _moments(self, turn: Tensor) -> _Moments:
        dim, count = self.lattice.dim, len(self.rotated)
        total = torch.zeros(dim, dtype=torch.float64)
        mixed = torch.zeros(dim, dim, dtype=torch.float64)
        energy = torch.zeros(dim, dim, dtype=torch.float64)
        mixed_square = energy_square = 0.0
        back = turn.to(self.rotated).T
        # |y| of all positions sums to about d √(2/π); the fourth moments want it centred
        centre = (2 / torch.pi) ** 0.5
        for rows in torch.split(self.rotated, _ROWS):
            y = rows @ back
            size = y.abs()
            total += size.double().sum(0)
            mixed += (size.T @ y).double()
            energy += (size.T @ size).double()
            lengths = size.square().sum(1)
            mixed_square += float((lengths * y.square().sum(1)).double().sum())
            energy_square += float((size - centre).square().sum(1).square().double().sum())
        mean, mixed = total / count, mixed / count
        energy = energy / count - torch.outer(mean, mean)
        mixed_noise = mixed_square / count - float(mixed.square().sum())
        energy_noise = energy_square / count - float(energy.square().sum())
        return _Moments(mean, mixed, energy, mixed_noise, energy_noise)

    def _pull_back(
        self, turn: Tensor, by_mixed: Tensor, by_energy: Tensor, by_mean: Tensor
    ) -> Tensor:
        """E[∂M/∂y yᵀ], ``(d, d)``."""
        by_mixed, by_energy, by_mean, back = (
            part.to(self.rotated) for part in (by_mixed, by_energy, by_mean, turn.T)
        )
        left = torch.zeros_like(turn)
        for rows in torch.split(self.rotated, _ROWS):
            y = rows @ back
            size = y.abs()
            by_y = size @ by_mixed + y.sign() * (y @ by_mixed.T + size @ by_energy + by_mean)
            left += (by_y.T @ y).double()
        return left / len(self.rotated)


class StrictObjective(Objective):
    """J plus the misfit of the amplitudes.

    Args:
        objective: J.
        misfit: M.
    """

    def __init__(self, objective: Objective, misfit: AmplitudeMisfit) -> None:
        # the parts of J are shared, not copied
        self.__dict__.update(objective.__dict__)
        self.misfit = misfit

    def __call__(self, fits: Fits, beta: float) -> tuple[Fits, Tensor, Tensor]:
        """``fits`` with figures, and the gradients in left turns of W and in coefficients."""
        fits, by_turn, by_coefficient = super().__call__(fits, beta)
        parts = [self.misfit(turn) for turn in fits.turns]
        fits.objective = fits.objective + torch.stack([value for value, _ in parts])
        return fits, by_turn + torch.stack([turn for _, turn in parts]), by_coefficient
