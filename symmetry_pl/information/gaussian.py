"""Mutual information of Gaussian vectors from the log-determinants of their correlations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = [
    "Moments",
    "Reduce",
    "gaussian_information",
    "gaussian_information_from_moments",
    "moments",
    "standardise",
]

Reduce: TypeAlias = Callable[[Tensor], Tensor]
"""Sums a tensor over all ranks, differentiably (its backward sums the gradients over ranks)."""


@dataclass(frozen=True)
class Moments:
    """Count, mean and centred second moments of a (global) batch of vectors.

    Attributes:
        count: Number of samples N, a scalar.
        mean: Mean over the samples, `(d,)`.
        scatter: Σ (v − mean)(v − mean)ᵀ over the samples, `(d, d)`.
    """

    count: Tensor
    mean: Tensor
    scatter: Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """Return `x` in float32, or unchanged if it is wider."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def centre(x: Tensor, reduce: Reduce | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the global count, an approximate global mean `(d,)` and `x` minus that mean.

    The mean is detached: whoever uses it removes what it is off by (`moments`) or does not depend
    on it (`pairwise_kl`), so no gradient is lost and this reduce needs no backward pass.
    """
    flat = torch.cat([x.detach().sum(0), x.new_full((1,), x.shape[0])])
    flat = flat if reduce is None else reduce(flat)
    count, mean = flat[-1], flat[:-1] / flat[-1]
    return count, mean, x - mean


def _check_batch(x: Tensor, name: str, reduce: Reduce | None) -> None:
    if x.ndim != 2:
        raise ValueError(f"{name} must have shape (B, d), got {tuple(x.shape)}.")
    if reduce is None and x.shape[0] < 2:
        raise ValueError(f"a correlation needs a batch of at least 2 samples, got {x.shape[0]}.")


def moments(x: Tensor, y: Tensor, reduce: Reduce | None = None) -> Moments:
    """Return the moments of the concatenated vector (x, y) over the batch of all ranks.

    The batch is centred on the global mean before anything is squared, and what that mean is off by
    in floating point is subtracted from the scatter, so a large offset costs no precision.

    Args:
        x: First vectors, `(B, p)`.
        y: Second vectors, `(B, q)`.
        reduce: Differentiable sum over ranks, called twice, on p + q + 1 and (p + q)(p + q + 1)
            numbers; `None` for the local batch.

    Returns:
        Moments with d = p + q, in float32 or the wider dtype of the inputs.

    Raises:
        ValueError: If a shape is not `(B, d)`, the batch sizes differ, or B < 2 without `reduce`.
    """
    _check_batch(x, "x", reduce)
    _check_batch(y, "y", reduce)
    if x.shape[0] != y.shape[0]:
        raise ValueError(
            f"x and y must have the same batch size, got {x.shape[0]} and {y.shape[0]}."
        )
    with torch.autocast(x.device.type, enabled=False):
        joint = torch.cat([at_least_float32(x), at_least_float32(y)], dim=1)
        if reduce is None:
            mean = joint.mean(0)
            residual = joint - mean
            return Moments(joint.new_tensor(len(joint)), mean, residual.T @ residual)
        count, mean, residual = centre(joint, reduce)
        sums = reduce(torch.cat([residual.sum(0, keepdim=True), residual.T @ residual]))
        offset = sums[0] / count
        return Moments(count, mean + offset, sums[1:] - count * torch.outer(offset, offset))


def gaussian_information_from_moments(
    moments: Moments, dim_z: int, ridge: float = 1e-4, eps: float = 1e-8
) -> Tensor:
    """Return the Gaussian information between the first `dim_z` variables and the others, in nats.

    I(Z; Y) = ½ [log |R_Z| + log |R_Y| − log |R_ZY|] with R the correlation matrix plus `ridge`
    times the identity (STIB eq. 8 with the sign that makes it non-negative).

    Args:
        moments: Moments of the concatenated vector (z, y), d numbers wide.
        dim_z: Number of leading variables that are Z, 0 < dim_z < d.
        ridge: Added to the diagonal of R; it bounds I by about −½ log(2 · ridge) per pair.
        eps: Added to every variance, so a constant variable is one uncorrelated with all others.
            Variables with a variance near or below `eps` read as noise: scale them first.

    Returns:
        A scalar ≥ 0, differentiable.

    Raises:
        ValueError: If `dim_z` is out of range, `ridge` is negative, or `ridge` is 0 and R singular.
    """
    dim = moments.scatter.shape[0]
    if not 0 < dim_z < dim:
        raise ValueError(f"dim_z must lie between 1 and {dim - 1}, got {dim_z}.")
    if ridge < 0:
        raise ValueError(f"ridge must not be negative, got {ridge}.")
    with torch.autocast(moments.scatter.device.type, enabled=False):
        covariance = moments.scatter / (moments.count - 1)
        scale = (covariance.diagonal() + eps).rsqrt()
        off_diagonal = covariance - torch.diag(covariance.diagonal())
        identity = torch.eye(dim, dtype=scale.dtype, device=scale.device)
        correlation = off_diagonal * torch.outer(scale, scale) + (1 + ridge) * identity
        joint, info = torch.linalg.cholesky_ex(correlation)
        # Reading a value waits for the device; with a ridge the matrix cannot be singular.
        if ridge == 0 and _is_singular(joint, info):
            raise ValueError(
                "the correlation matrix is singular: use a ridge, more samples or fewer variables."
            )
        marginal = torch.linalg.cholesky_ex(correlation[dim_z:, dim_z:])[0]
        # The factor of R_Z is the leading block of the joint factor, so log |R_Z| cancels.
        information: Tensor = marginal.diagonal().log().sum() - joint.diagonal()[dim_z:].log().sum()
        return information


def _is_singular(factor: Tensor, info: Tensor) -> bool:
    """Whether the factorisation failed or left a pivot of no more than rounding error."""
    rounding = len(factor) * torch.finfo(factor.dtype).eps
    return bool((info > 0) | (factor.diagonal().amin().square() <= rounding))


def gaussian_information(
    z: Tensor,
    y: Tensor,
    ridge: float = 1e-4,
    reduce: Reduce | None = None,
    eps: float = 1e-8,
) -> Tensor:
    """Return the Gaussian mutual information I(Z; Y) of a batch, in nats.

    The exact information if (z, y) is jointly Gaussian, and unchanged by rescaling any column. For
    independent Gaussians its sampling bias is about p·q / 2N nats.

    Args:
        z: First vectors, `(B, p)`.
        y: Second vectors, `(B, q)`.
        ridge: Added to the diagonal of the correlation matrix.
        reduce: Differentiable sum over ranks, which makes this the information of the *global*
            batch; `None` for the local batch.
        eps: Added to every variance.

    Returns:
        A scalar ≥ 0, differentiable, in float32 or wider whatever the autocast dtype.

    Raises:
        ValueError: As `moments` and `gaussian_information_from_moments`.

    Example:
        >>> z = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
        >>> y = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
        >>> gaussian_information(z, y).item()
        0.0
    """
    return gaussian_information_from_moments(moments(z, y, reduce), z.shape[1], ridge, eps)


def standardise(x: Tensor, reduce: Reduce | None = None, eps: float = 1e-8) -> Tensor:
    """Return `x` with every column at mean 0 and variance 1 over the global batch.

    (x − mean) / √(variance + eps), with N − 1 in the variance. A constant column becomes 0.

    Args:
        x: Batch, `(B, d)`.
        reduce: Differentiable sum over ranks; `None` for the local batch.
        eps: Added to every variance.

    Returns:
        `(B, d)`, differentiable also through the mean and variance.

    Raises:
        ValueError: If the shape is not `(B, d)`, or B < 2 without `reduce`.
    """
    _check_batch(x, "x", reduce)
    with torch.autocast(x.device.type, enabled=False):
        count, _, residual = centre(at_least_float32(x), reduce)
        sums = torch.stack([residual.sum(0), residual.square().sum(0)])
        sums = sums if reduce is None else reduce(sums)
        offset = sums[0] / count
        variance = (sums[1] - count * offset.square()) / (count - 1)
        return (residual - offset) * (variance.clamp_min(0) + eps).rsqrt()
