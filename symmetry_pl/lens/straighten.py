"""Out of local optima: the rows of a lifting matrix in their best order, made orthonormal."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from symmetry_pl.groups.domain import Topology
from symmetry_pl.lens.densities.em import fit_mixture
from symmetry_pl.lens.group_convolution import GroupConvolution
from symmetry_pl.lens.losses import alignment, joint_entropy
from symmetry_pl.lens.ordering import improve_order

__all__ = ["local_loss", "mend", "straighten"]

_EM_STEPS = 30


def straighten(
    lift: Tensor, covariance: Tensor, topology: Topology = "chain"
) -> tuple[Tensor, Tensor]:
    r"""The chain that a lifting matrix means: an orthonormal basis, and one filter for all rows.

    Gradient descent finds local filters early, but a stretch of the chain that has formed in the
    wrong place stays there, as a domain wall does: no small step moves it. Typically the orbit is
    off its middle, so that one end has fallen off and its pixels sit somewhere inside. One discrete
    move mends all of these:

    1. Q = U Vᵀ of L = U Σ Vᵀ, the orthogonal matrix nearest to L;
    2. the order of its rows that maximises Σ_k |corr(y_k, y_{k+1})|;
    3. the signs that make neighbours correlate positively;
    4. the filter φ = Σ_j f_j q_{c+j} about the middle c, f_j the mean of ⟨L_k, q_{k+j}⟩ over k.

    Args:
        lift: L, ``(d, d)``.
        covariance: of the data, ``(d, d)``.
        topology: ``chain`` or ``ring``.

    Returns:
        Q ``(d, d)`` and φ ``(d,)``, of the dtype of ``lift``: a candidate to be compared by loss.
    """
    d = len(lift)
    left, _, right = torch.linalg.svd(lift.double())
    basis = left @ right
    spread = basis @ covariance.double() @ basis.T
    scale = spread.diagonal().clamp_min(1e-300).rsqrt()
    correlation = spread * scale[:, None] * scale
    affinity = correlation.abs().cpu().numpy()
    order = improve_order(affinity, torch.arange(d).numpy(), closed=topology == "ring")
    index = torch.from_numpy(order.copy()).to(basis.device)
    steps = correlation[index[:-1], index[1:]]
    signs = torch.cat([steps.new_ones(1), torch.where(steps < 0, -1.0, 1.0).cumprod(0)])
    basis = basis[index] * signs[:, None]
    rows = (lift.double()[index] * signs[:, None]) @ basis.T
    centre = (d - 1) // 2
    coefficients = torch.stack([rows.diagonal(j - centre).sum() / d for j in range(d)])
    return basis.to(lift.dtype), (coefficients @ basis).to(lift.dtype)


@torch.no_grad()
def mend(
    symmetry: GroupConvolution,
    signals: Tensor,
    covariance: Tensor,
    topology: Topology,
    weights: Mapping[str, float],
    components: int = 4,
) -> tuple[float, float] | None:
    """Straighten a group convolution, unless its loss is no lower then.

    Args:
        symmetry: whose generator and filter change.
        signals: scaled samples ``(n, d)`` that the loss is read from.
        covariance: of scaled data, ``(d, d)``.
        topology: ``chain`` or ``ring``.
        weights: of ``Terms.loss``.
        components: Gaussians in a marginal density.

    Returns:
        The loss before and after; None where everything stays as it was.
    """
    ring = topology == "ring"
    kept = [p.detach().clone() for p in symmetry.parameters()]

    def loss(lift: Tensor) -> Tensor:
        return local_loss(lift, signals, covariance, weights, ring, components)

    lift = symmetry.lift()
    before = loss(lift)
    symmetry.adopt(*straighten(lift, covariance, topology))
    after = loss(symmetry.lift())
    if after < before:
        return float(before), float(after)
    for parameter, value in zip(symmetry.parameters(), kept, strict=True):
        parameter.copy_(value)
    return None


def local_loss(
    lift: Tensor,
    signals: Tensor,
    covariance: Tensor,
    weights: Mapping[str, float],
    ring: bool = False,
    components: int = 4,
) -> Tensor:
    """The loss without U, at full rank, of a lifting matrix whose marginals are fitted anew."""
    spread = lift @ covariance @ lift.T
    y = signals @ lift.T
    entropy = -fit_mixture(y, components, _EM_STEPS).log_density(y).mean()
    joint = joint_entropy(spread, 1.0)
    near = weights["alignment"] * alignment(spread, ring)
    return near + weights["resolution"] * (entropy - joint) - weights["information"] * joint
