"""Monotone rational-quadratic splines, vectorised over everything but the bins."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_BIN = 1e-3
"""Smallest share of the interval that a bin may have, in width and in height."""

MIN_SLOPE = 1e-3
"""Smallest derivative at a knot."""


def rational_quadratic(
    x: Tensor, params: Tensor, bound: float, inverse: bool = False
) -> tuple[Tensor, Tensor]:
    """The monotone rational-quadratic spline of [−bound, bound] onto itself, with linear tails.

    In the bin [x_k, x_{k+1}], with θ = (x − x_k)/(x_{k+1} − x_k), s = Δy/Δx and knot slopes d
    (Durkan et al. 2019, Neural Spline Flows, eq. 4)::

        y = y_k + Δy (s θ² + d_k θ(1−θ)) / (s + (d_{k+1} + d_k − 2s) θ(1−θ))

    Widths and heights are softmaxes, slopes softplus-positive. The tails go on with the slope of
    their end, so that the map is continuously differentiable on ℝ. How many parameters there are
    says which slopes the ends have: with 3 bins − 1 both are 1, and the tails are the identity;
    with 3 bins they share one, as on a circle (circular splines of Rezende et al. 2020,
    Normalizing Flows on Tori and Spheres); with 3 bins + 1 each has its own. All-zero parameters
    give the identity.

    The bins come first, not last as in nflows: reductions and gathers then run over contiguous
    memory, and forward plus backward take about two thirds of the time of nflows on a CPU.

    Args:
        x: any shape.
        params: ``(3 bins − 1, *x.shape)``, or 3 bins, or 3 bins + 1: widths, heights and slopes
            from the left, all unconstrained.
        bound: half the length of the interval.
        inverse: map y to x instead.

    Returns:
        The image and the log of the derivative (log|dy/dx|, or log|dx/dy| if ``inverse``), both
        of the shape of ``x``.

    Raises:
        ValueError: if ``params`` are fewer than those of 2 bins.

    >>> x = torch.tensor([-7.0, 0.5, 2.0])
    >>> rational_quadratic(x, torch.zeros(23, 3), bound=4.0)[0]
    tensor([-7.0000,  0.5000,  2.0000])
    """
    knots, slopes = _knots(params, bound)
    clamped = x.clamp(-bound, bound)  # keeps the unused branch of `where` finite, and its gradient
    left = (clamped >= knots[1 if inverse else 0, 1:-1]).sum(0)
    ends = torch.stack([left, left + 1])
    x0, x1 = knots[0].gather(0, ends)
    y0, y1 = knots[1].gather(0, ends)
    d0, d1 = slopes.gather(0, ends)
    width, height = x1 - x0, y1 - y0
    slope = height / width
    bend = d0 + d1 - 2 * slope
    theta = _solve(clamped - y0, height, slope, bend, d0) if inverse else (clamped - x0) / width
    rest = 1 - theta
    mixed = theta * rest
    denominator = slope + bend * mixed
    numerator = d1 * theta.square() + 2 * slope * mixed + d0 * rest.square()
    log_slope = ((slope / denominator).square() * numerator).log()
    if inverse:
        image, log_slope = x0 + theta * width, -log_slope
    else:
        image = y0 + height * (slope * theta.square() + d0 * mixed) / denominator
    if len(params) % 3 == 2:  # exactly the identity outside, without the rounding of a bin
        inside = x.abs() < bound
        return torch.where(inside, image, x), torch.where(inside, log_slope, 0.0)
    tail = torch.where(x > 0, slopes[-1], slopes[0])
    excess = x - clamped
    return image + (excess / tail if inverse else excess * tail), log_slope


def _knots(params: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Knots ``(2, bins + 1, …)`` (positions, values) and slopes ``(bins + 1, …)``."""
    bins = (len(params) + 1) // 3
    if bins < 2:
        raise ValueError(
            f"a spline of 2 bins has 5, 6 or 7 parameters and each further bin 3, got {len(params)}"
        )
    shares = torch.softmax(params[: 2 * bins].view(2, bins, *params.shape[1:]), 1)
    sizes = 2 * bound * (MIN_BIN + (1 - MIN_BIN * bins) * shares)
    first = sizes.new_full((1,), -bound).expand_as(sizes[:, :1])
    # The last knot is set, not summed: a rounding error there would leave a gap at the bound.
    knots = torch.cat([first, sizes.cumsum(1)[:, :-1] - bound, -first], 1)
    # softplus(offset) = 1 - MIN_SLOPE, so that zeros mean slope 1.
    offset = math.log(math.expm1(1 - MIN_SLOPE))
    slopes = MIN_SLOPE + F.softplus(params[2 * bins :] + offset)
    if len(slopes) == bins:
        slopes = torch.cat([slopes, slopes[:1]])
    elif len(slopes) < bins:
        one = torch.ones_like(slopes[:1])
        slopes = torch.cat([one, slopes, one])
    return knots, slopes


def _solve(rise: Tensor, height: Tensor, slope: Tensor, bend: Tensor, d0: Tensor) -> Tensor:
    """θ from y − y_k: the root in [0, 1] of Durkan et al. 2019, eq. 6–8.

    Of the two forms of the root the one whose terms do not cancel, and never the root of a
    negative number: rounding may make one of the discriminant where slopes are extreme.
    """
    a = height * (slope - d0) + rise * bend
    b = height * d0 - rise * bend
    c = slope * rise
    tiny = torch.finfo(b.dtype).tiny
    root = (b.square() + 4 * a * c).clamp_min(tiny).sqrt()
    falling = b < 0
    theta = torch.where(falling, root - b, 2 * c) / torch.where(falling, 2 * a, root + b)
    return theta.clamp(0, 1)
