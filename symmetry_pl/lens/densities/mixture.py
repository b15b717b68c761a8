"""One-dimensional Gaussian mixtures: their densities, and derivatives of these in closed form."""

from __future__ import annotations

import math
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LIMIT", "Mixture", "MixtureScores", "over_components"]

LIMIT = 4.5
"""Logits and log-variances are kept within ± this, as in the published code."""

_LOG_TAU = math.log(2 * math.pi)
_ROOT_TAU = math.sqrt(2 * math.pi)

# exp(−60) is far below one unit of rounding of any floor; smaller numbers would be denormal in
# float32, and arithmetic with those is a hundred times slower.
_SMALLEST_EXPONENT = -60.0


class MixtureScores(NamedTuple):
    """log p and its derivatives; components are the axis before the last.

    Attributes:
        log_density: log(p(y) + floor), ``(n, d)``.
        score: its derivative by y, ``(n, d)``.
        logits: its derivative by the weights' logits, ``(n, K, d)``.
        means: its derivative by the means, ``(n, K, d)``.
        log_variances: its derivative by the log-variances, ``(n, K, d)``.
    """

    log_density: Tensor
    score: Tensor
    logits: Tensor
    means: Tensor
    log_variances: Tensor


class Mixture(NamedTuple):
    r"""p(y) = Σ_k w_k N(y; μ_k, σ_k²) of each of d columns, w = softmax(logits) (eqs. 23, 24).

    Attributes:
        logits: a, ``(K, d)``, or ``(n, K, d)`` with one mixture a sample; as the next two.
        means: μ.
        log_variances: log σ².
    """

    logits: Tensor
    means: Tensor
    log_variances: Tensor

    def clipped(self) -> Mixture:
        """The same with logits and log-variances within ± ``LIMIT``."""
        a, v = self.logits.clamp(-LIMIT, LIMIT), self.log_variances.clamp(-LIMIT, LIMIT)
        return Mixture(a, self.means, v)

    @property
    def weights(self) -> Tensor:
        """w, summing to 1 over components."""
        return self.logits.softmax(-2)

    @property
    def variances(self) -> Tensor:
        """σ²."""
        return self.log_variances.exp()

    def joint(self, y: Tensor) -> Tensor:
        """Log w_k N(y; μ_k, σ_k²), ``(n, K, d)``, of samples ``(n, d)``."""
        quadratic = (y[:, None] - self.means).square() * (-self.log_variances).exp()
        constant = self.logits.log_softmax(-2) - 0.5 * (self.log_variances + _LOG_TAU)
        return constant - 0.5 * quadratic

    def log_density(self, y: Tensor, floor: float = 0.0) -> Tensor:
        r"""log(p(y) + floor) in nats, ``(n, d)``, differentiable in all tensors.

        Since weights sum to 1, this is also log Σ_k w_k (N_k + floor): a floor under each
        component, as in the published code, is a floor under the mixture.

        Args:
            y: ``(n, d)``.
            floor: density, added.

        >>> zeros = torch.zeros(2, 1)  # two standard normals, equally likely
        >>> Mixture(zeros, zeros, zeros).log_density(torch.zeros(1, 1))  # −½ log 2π
        tensor([[-0.9189]])
        """
        density = self.joint(y).logsumexp(-2)
        return torch.logaddexp(density, density.new_tensor(floor).log()) if floor else density

    def scores(self, y: Tensor, floor: float) -> MixtureScores:
        r"""``log_density`` and its derivatives, for every sample, in about thirty passes.

        With the responsibilities ρ_k = w_k N_k / (p + floor), and δ_k = y − μ_k,

        .. math:: \partial_{\mu_k} = \rho_k \delta_k / \sigma_k^2, \quad
            \partial_y = -\sum_k \partial_{\mu_k}, \quad
            \partial_{\log \sigma_k^2} = \tfrac12 \rho_k (\delta_k^2 / \sigma_k^2 - 1), \quad
            \partial_{a_k} = \rho_k - w_k p / (p + \text{floor}).

        No autograd: call it without gradients, and with moderate logits (their exponential is
        taken).

        Args:
            y: ``(n, d)``.
            floor: positive density, added.
        """
        logits, means, log_variances = self
        weights = logits.exp()
        norm = _ROOT_TAU * over_components(weights)
        delta = y[:, None] - means
        scaled = (-log_variances).exp_() * delta
        exponent = torch.addcmul(log_variances, delta, scaled)
        exponent = torch.sub(logits, exponent, alpha=0.5, out=exponent)
        share = exponent.clamp_(min=_SMALLEST_EXPONENT).exp_()
        density = over_components(share) / norm
        floored = density + floor
        inverse = (norm * floored).reciprocal_()
        share.mul_(inverse[:, None])
        to_means = scaled.mul_(share)
        to_log_variances = delta.mul_(to_means).sub_(share).mul_(0.5)
        present = inverse.mul_(density).mul_(_ROOT_TAU)
        return MixtureScores(
            log_density=floored.log_(),
            score=over_components(to_means).neg_(),
            logits=share.addcmul_(weights, present[:, None], value=-1),
            means=to_means,
            log_variances=to_log_variances,
        )


def over_components(x: Tensor) -> Tensor:
    """Sum over the axis before the last: four additions of slices, faster than ``sum``."""
    return reduce(torch.add, x.unbind(-2)) if x.shape[-2] > 1 else x.sum(-2)
