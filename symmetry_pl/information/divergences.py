"""Kullback-Leibler divergences of diagonal Gaussians in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.information.gaussian import Reduce, at_least_float32, centre

__all__ = ["kl_standard_normal", "pairwise_kl"]


def kl_standard_normal(mean: Tensor, log_std: Tensor) -> Tensor:
    """Return KL(N(μ, diag σ²) ‖ N(0, I)) of every sample, in nats.

    KL = Σⱼ [−log σⱼ + (μⱼ² + σⱼ²) / 2 − ½].

    Args:
        mean: μ, `(B, d)`.
        log_std: log σ, `(B, d)` or what broadcasts to it, such as one shared vector `(d,)`.

    Returns:
        `(B,)`, in float32 or wider.

    Raises:
        ValueError: If `mean` is not `(B, d)` or `log_std` does not broadcast to it.

    Example:
        >>> kl_standard_normal(torch.tensor([[3.0, 4.0]]), torch.zeros(2))
        tensor([12.5000])
    """
    if mean.ndim != 2:
        raise ValueError(f"mean must have shape (B, d), got {tuple(mean.shape)}.")
    with torch.autocast(mean.device.type, enabled=False):
        mean, log_std = at_least_float32(mean), at_least_float32(log_std)
        try:
            log_std = log_std.expand_as(mean)
        except RuntimeError:
            raise ValueError(
                f"log_std {tuple(log_std.shape)} does not broadcast to mean {tuple(mean.shape)}."
            ) from None
        return (0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std).sum(1)


def pairwise_kl(mean: Tensor, log_var: Tensor, reduce: Reduce | None = None) -> Tensor:
    """Return the mean of KL(qᵢ ‖ qⱼ) over all ordered pairs of a batch of Gaussians, in nats.

    With qᵢ = N(μᵢ, diag sᵢ²), each coordinate contributes

        KL(qᵢ ‖ qⱼ) = ½ [sᵢ² / sⱼ² + (μᵢ − μⱼ)² / sⱼ² − 1 + log sⱼ² − log sᵢ²].

    The two logarithms cancel in the mean over all B² pairs (i = j included), and the rest is made
    of means over i and over j, so the cost is O(B·d). It bounds I(Z; X) from above for q(z|x)
    (Moyer et al. 2018, "Invariant Representations without Adversarial Training").

    Args:
        mean: μ, `(B, d)`.
        log_var: log s², `(B, d)`.
        reduce: Differentiable sum over ranks, which makes the pairs those of the *global* batch;
            `None` for the local batch.

    Returns:
        A scalar ≥ 0, differentiable, in float32 or wider.

    Raises:
        ValueError: If the shapes differ or are not `(B, d)` with B ≥ 1.

    Example:
        >>> mean = torch.tensor([[0.0], [2.0]])
        >>> pairwise_kl(mean, torch.zeros(2, 1))  # (0 + 2 + 2 + 0) / 4
        tensor(1.)
    """
    if mean.ndim != 2 or mean.shape != log_var.shape or mean.shape[0] == 0:
        raise ValueError(
            "mean and log_var must have the same shape (B, d) with B >= 1, "
            f"got {tuple(mean.shape)} and {tuple(log_var.shape)}."
        )
    with torch.autocast(mean.device.type, enabled=False):
        mean, log_var = at_least_float32(mean), at_least_float32(log_var)
        # KL does not change when all means move together: centring spares the squares below.
        count, _, mean = centre(mean, reduce)
        precision = (-log_var).exp()
        sums = torch.stack(
            [
                log_var.exp().sum(0),
                precision.sum(0),
                mean.sum(0),
                mean.square().sum(0),
                (mean * precision).sum(0),
                (mean.square() * precision).sum(0),
            ]
        )
        sums = sums if reduce is None else reduce(sums)
        var, weight, mu, mu2, mu_weight, mu2_weight = (sums / count).unbind(0)
        return 0.5 * (var * weight + mu2 * weight - 2 * mu * mu_weight + mu2_weight - 1).sum()
