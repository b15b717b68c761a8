"""The loss of a lifting matrix whose densities have had time to be fitted."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from symmetry_pl.lens.densities.density_model import DensityModel, conditioning_pixels
from symmetry_pl.lens.losses import covariance
from symmetry_pl.lens.objective import loss_terms
from symmetry_pl.rng import global_generators_kept

_ROWS = 20  # samples a conditioning pixel in a step
_FITTED = 10_000
_LR = 4e-3


def refitted_loss(
    lift: Tensor,
    train: Tensor,
    test: Tensor,
    weights: Mapping[str, float],
    ring: bool = False,
    hidden: int = 64,
    steps: int = 300,
    seed: int = 0,
) -> Tensor:
    """The paper's loss at full rank, marginals by EM and conditional networks trained afresh.

    While densities are poorly fitted the loss ranks solutions wrongly: a wrong representation that
    is easy to fit beats the right one. Two lifting matrices compare fairly only like this, with
    the same samples, the same first networks and the same steps.

    Args:
        lift: L, ``(d, d)``.
        train: scaled samples that densities are fitted to, ``(n, d)``.
        test: scaled samples that the loss is read from, ``(m, d)``.
        weights: of ``Terms.loss``.
        ring: whether the last pixel is the neighbour of the first.
        hidden: width of the conditional networks.
        steps: of Adam.
        seed: of networks and batches.

    Returns:
        A scalar in nats.
    """
    lift, d = lift.detach(), len(lift)
    generator = torch.Generator().manual_seed(seed)
    with global_generators_kept():
        torch.manual_seed(seed)
        densities = DensityModel(d, 4, hidden).to(train)
    y = train @ lift.T
    densities.restart(y[:_FITTED])
    slots = torch.arange(_ROWS * d) % d
    with torch.inference_mode(False), torch.enable_grad():
        assert densities.conditionals is not None
        adam = torch.optim.Adam(densities.conditionals.parameters(), lr=_LR, fused=True)
        for step in range(steps):
            adam.param_groups[0]["lr"] = _LR * 0.1 ** (step / steps)
            rows = torch.randint(len(y), (len(slots),), generator=generator).to(y.device)
            adam.zero_grad()
            densities.loss_at_rest(y[rows].clone(), slots).backward()  # type: ignore[no-untyped-call]
            adam.step()
    with torch.no_grad():
        y = test @ lift.T
        scores = densities.scores(y, conditioning_pixels(len(y), d))
        return loss_terms(scores, covariance(y), ring=ring).loss(**weights)
