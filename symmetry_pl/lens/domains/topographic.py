"""Topographic independent components on a grid that is told: a rival of the squares."""

from __future__ import annotations

from math import prod

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.affinity import RIDGES, affinity
from symmetry_pl.lens.domains.moments import correlation_of
from symmetry_pl.lens.domains.search import Layout, local_share
from symmetry_pl.lens.warm_start.ica import nearest_rotation
from symmetry_pl.metrics.places import coordinates

__all__ = ["topographic_components", "topographic_layout"]

_SAMPLES = 5000
_ROUNDS = 300
_STEP = 1.0
_FASTER, _SLOWER = 1.3, 0.5
_SMALL = 1e-3  # energy below which a root is rounded off
_RANK = 1e-6  # of the largest eigenvalue, below which a direction is noise


def topographic_layout(x: Tensor, shape: tuple[int, int], seed: int = 0) -> Layout:
    """All pixels on the cells of a grid, each where its topographic component lies.

    Pixels are laid on cells by the assignment of the largest absolute correlations with components.
    Nothing is left out, so that its ``completeness`` is 1 and says nothing.

    Args:
        x: samples of the pixels that change, ``(n, m)``; the first 5,000 are used.
        shape: rows and columns, of at least m cells.
        seed: of the rotation that it starts from.

    Raises:
        ValueError: for more pixels than cells.
    """
    size = x.shape[1]
    if size > prod(shape):
        raise ValueError(
            f"model.height x model.width are {shape[0]} x {shape[1]} = {prod(shape)} cells, and "
            f"{size} inputs change"
        )
    domain = Domain(((shape[0], "chain"), (shape[1], "chain")))
    correlation = correlation_of(x.double().T.cov(correction=0))
    values, vectors = torch.linalg.eigh(correlation)
    roots = values.clamp_min(_RANK * float(values[-1])).sqrt()
    centred = (x[:_SAMPLES].double() - x.double().mean(0)) / x.double().std(0, correction=0)
    components = topographic_components(centred @ (vectors / roots) @ vectors.T, domain, seed)
    alike = (vectors * roots) @ vectors.T @ components.T  # of pixels with components
    places = torch.from_numpy(linear_sum_assignment(alike.abs().numpy(), maximize=True)[1])
    near = affinity(correlation, RIDGES[0])
    return Layout(places, domain, 1.0, local_share(near, places, domain), RIDGES[0])


def topographic_components(white: Tensor, domain: Domain, seed: int = 0) -> Tensor:
    r"""Rows of an orthogonal W whose components are sparse together with those of cells around.

    .. math:: \max_W\; -\sum_i E \sqrt{\epsilon + \sum_j h_{ij} (w_j^\top z)^2}

    with h 1 for cells at most one step apart along each axis (Hyvärinen and Hoyer 2001; Hyvärinen,
    Hoyer and Inki 2001): 300 steps along the gradient, each made orthogonal, shorter where one
    leads down.

    Args:
        white: z, samples of covariance 1, ``(n, m)``, float64.
        domain: cells; the first m are used.
        seed: of the random start.

    Returns:
        ``(m, m)``, row j the component at cell j.
    """
    size = white.shape[1]
    cells = coordinates(torch.arange(size), domain)
    around = ((cells[:, None] - cells).abs().amax(2) <= 1).to(white)
    draw = torch.Generator().manual_seed(seed)
    found = nearest_rotation(torch.randn(size, size, generator=draw, dtype=white.dtype))
    value, slope = _sparseness(found, white, around)
    step = _STEP
    for _ in range(_ROUNDS):
        tried = nearest_rotation(found + step * slope)
        after, steeper = _sparseness(tried, white, around)
        if after > value:
            found, value, slope, step = tried, after, steeper, step * _FASTER
        else:
            step *= _SLOWER
    return found


def _sparseness(w: Tensor, white: Tensor, around: Tensor) -> tuple[float, Tensor]:
    """The objective a sample, and its gradient."""
    components = white @ w.T
    energy = (components.square() @ around + _SMALL).sqrt()
    slope = -(components * ((1 / energy) @ around)).T @ white / len(white)
    return float(-energy.sum(1).mean()), slope
