"""A normalising flow on lines and circles whose density depends on a context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from nflows.transforms import CompositeTransform
from torch import Tensor, nn

from symmetry_pl.nn.feature_mlp import FeatureMLP
from symmetry_pl.nn.flows.conditioner import Conditioner
from symmetry_pl.nn.flows.coupling import Coupling
from symmetry_pl.nn.flows.elementwise import Splines, wrap
from symmetry_pl.nn.flows.options import check_positive, check_spline, per_column

MIN_SCALE = 1e-4
"""Smallest standard deviation of the base; softplus alone underflows to 0."""

_EDGE = 1e-6  # how near a squashed coordinate may come to its bounds: beyond, atanh is infinite


class ConditionalFlow(nn.Module):
    r"""p(η | h): couplings with splines over a base, all of them conditioned by a context h.

    .. math:: \log p(\eta \mid h) = \log b(z \mid h)
        + \log \bigl|\det \partial z / \partial u\bigr|
        + \log \bigl|\det \partial u / \partial \eta\bigr|,
        \qquad \eta = \text{loc} + \text{scale}\, u

    The couplings u → z (``Coupling`` with ``Splines``) start as the identity; b is N(μ(h), σ(h)²)
    with σ a softplus (SGM, App. C.2). Splines run forward in ``log_prob`` and backward in
    ``sample``.

    A coordinate with a period lives on a circle. Its splines are circular, each after a turn that
    the conditioner chooses, and its base is uniform, so that a new flow is uniform in it; other
    coordinates see its sine and cosine. η and η + period have the same density.

    Everything is computed in the precision of the parameters, under autocast too. Dropout makes
    the flow a different one in every call: ``sample`` and ``log_prob`` agree in ``eval`` mode only.

    Args:
        dim: d, columns of η.
        context: columns of h.
        layers: couplings; each moves every other coordinate (of one: that one).
        bins: of a spline.
        bound: splines end at ± bound, in units of u; circular ones at half a period.
        hidden: units of the conditioners' hidden layers, at least one.
        base_hidden: units of the hidden layers of the base's network; none makes it linear.
        dropout: share of units dropped in all networks, in training.
        edge_slopes: whether splines go on beyond the bound with a slope that is learned, as
            published, or with slope 1. The likelihood is the same; but learned slopes throw a few
            samples thousands of scales away.
        periods: period of each coordinate, None where it has none; None for no periods at all.
        loc: one number or d; circular samples lie within half a period of it.
        scale: one positive number or d; circular coordinates do not use theirs.
        squash: whether η = loc + scale · tanh(u), never farther than ``scale`` from ``loc``. An η
            that is farther counts as the nearest within. Circular coordinates are not squashed.

    Raises:
        ValueError: for sizes that make no flow.

    >>> flow = ConditionalFlow(3, context=16, periods=[None, None, 2 * math.pi]).eval()
    >>> h = torch.randn(5, 16)
    >>> eta = flow.sample(torch.randn(5, 3), h)
    >>> flow.log_prob(eta, h).shape
    torch.Size([5])
    """

    loc: Tensor
    scale: Tensor

    def __init__(
        self,
        dim: int,
        context: int,
        layers: int = 6,
        bins: int = 6,
        bound: float = 3.0,
        hidden: Sequence[int] = (256,),
        base_hidden: Sequence[int] = (128, 128),
        dropout: float = 0.0,
        edge_slopes: bool = False,
        periods: Sequence[float | None] | None = None,
        loc: float | Sequence[float] = 0.0,
        scale: float | Sequence[float] = 1.0,
        squash: bool = False,
    ) -> None:
        super().__init__()
        _check(dim, context, layers, bins, bound, hidden)
        self.dim, self.context, self.squash = dim, context, squash
        laps = [None] * dim if periods is None else list(periods)
        if len(laps) != dim or any(lap is not None and not lap > 0 for lap in laps):
            raise ValueError(f"periods of a flow are {dim} positive numbers or None, got {laps}")
        self.circular = [i for i, lap in enumerate(laps) if lap is not None]
        self.linear = [i for i, lap in enumerate(laps) if lap is None]
        self.register_buffer("loc", per_column("loc", loc, dim))
        scales = per_column("scale", scale, dim)
        for i in self.circular:
            scales[i] = cast("float", laps[i]) / 2
        self.register_buffer("scale", check_positive("scale", scales))
        self.couplings = CompositeTransform(
            [
                self._coupling(layer, bins, bound, edge_slopes, hidden, dropout)
                for layer in range(layers)
            ]
        )
        self.base = self._base_network(base_hidden, dropout) if self.linear else None

    def _coupling(
        self,
        layer: int,
        bins: int,
        bound: float,
        edge_slopes: bool,
        hidden: Sequence[int],
        dropout: float,
    ) -> Coupling:
        """One that moves every other coordinate, given the rest and the context."""
        moved = [i for i in range(self.dim) if self.dim == 1 or (i + layer) % 2 == 0]
        kept = [i for i in range(self.dim) if i not in moved]
        splines = Splines([i in self.circular for i in moved], bins, bound, edge_slopes)
        angles = [column for column, i in enumerate(kept) if i in self.circular]
        features = FeatureMLP(len(kept) + len(angles) + self.context, hidden, dropout)
        head = nn.Linear(hidden[-1], splines.parameters)
        return Coupling(moved, kept, Conditioner(features, head, angles), splines)

    def _base_network(self, hidden: Sequence[int], dropout: float) -> nn.Module:
        """Context to means and unconstrained scales of the coordinates without period."""
        if not hidden:
            return nn.Linear(self.context, 2 * len(self.linear))
        features = FeatureMLP(self.context, hidden, dropout)
        return nn.Sequential(features, nn.Linear(hidden[-1], 2 * len(self.linear)))

    @torch.no_grad()
    def standardise(self, loc: Tensor, scale: Tensor) -> None:
        """Set location and scale ``(d,)`` of the coordinates without period, say to data's.

        Call it before training; it changes the map.

        Raises:
            ValueError: for scales that are not positive, or where ``squash`` makes them bounds.
        """
        if self.squash:
            raise ValueError("loc and scale of a squashed flow are its bounds, not data's moments")
        if not bool((scale[self.linear] > 0).all()) or not bool(loc.isfinite().all()):
            raise ValueError("standardise needs finite locations and positive scales")
        self.loc[self.linear] = loc[self.linear].to(self.loc)
        self.scale[self.linear] = scale[self.linear].to(self.scale)

    def log_prob(self, eta: Tensor, context: Tensor) -> Tensor:
        """Log p(η | h) in nats, ``(B,)``, of η ``(B, d)`` given h ``(B, context)``."""
        with torch.autocast(eta.device.type, enabled=False):
            z, h, log_prob = self._to_base(eta, context)
            log_prob = log_prob - math.log(2) * len(self.circular)  # uniform on [−1, 1]
            if self.base is None:
                return log_prob
            mean, spread = self._base_parameters(h)
            error = (z[:, self.linear] - mean) / spread
            normal = -0.5 * error.square() - spread.log() - 0.5 * math.log(2 * math.pi)
            return log_prob + normal.sum(1)

    def forward(self, eta: Tensor, context: Tensor) -> Tensor:
        """Call ``log_prob``."""
        return self.log_prob(eta, context)

    def sample(self, noise: Tensor, context: Tensor) -> Tensor:
        """Draws η ``(B, d)`` from p(η | h), a function of standard normal noise ``(B, d)``.

        The noise of circular coordinates becomes uniform by the normal distribution function.
        """
        with torch.autocast(noise.device.type, enabled=False):
            noise, h = self._prepared("noise", noise, context)
            z = torch.empty_like(noise)
            z[:, self.circular] = torch.erf(noise[:, self.circular] / math.sqrt(2))
            if self.base is not None:
                mean, spread = self._base_parameters(h)
                z[:, self.linear] = mean + spread * noise[:, self.linear]
            u: Tensor = self.couplings.inverse(z, h)[0]
            if self.squash:
                u[:, self.linear] = torch.tanh(u[:, self.linear])
            return self.loc + self.scale * u

    def _to_base(self, eta: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Point of the base ``(B, d)``, context in our precision, log|det ∂z/∂η| ``(B,)``."""
        eta, h = self._prepared("eta", eta, context)
        u = (eta - self.loc) / self.scale
        log_volume = -self.scale.log().sum()
        if self.circular:
            u = u.index_copy(1, _index(self.circular, u), wrap(u[:, self.circular]))
        if self.squash and self.linear:
            inside = u[:, self.linear].clamp(_EDGE - 1, 1 - _EDGE)
            u = u.index_copy(1, _index(self.linear, u), torch.atanh(inside))
            log_volume = log_volume - torch.log1p(-inside.square()).sum(1)
        z, log_abs_det = self.couplings(u, h)
        return z, h, log_abs_det + log_volume

    def _base_parameters(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the coordinates without period."""
        assert self.base is not None
        mean, raw = self.base(h).chunk(2, 1)
        return mean, MIN_SCALE + F.softplus(raw)

    def _prepared(self, name: str, values: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        if values.dim() != 2 or values.shape[1] != self.dim:
            raise ValueError(
                f"the flow takes {name} of shape (B, {self.dim}), got {tuple(values.shape)}"
            )
        if context.shape != (len(values), self.context):
            raise ValueError(
                f"the context of {len(values)} rows must have the shape "
                f"({len(values)}, {self.context}), got {tuple(context.shape)}"
            )
        return values.to(self.loc.dtype), context.to(self.loc.dtype)

    def extra_repr(self) -> str:
        """Sizes, for ``print(module)``."""
        return f"dim={self.dim}, context={self.context}, circular={self.circular}"


def _index(columns: list[int], like: Tensor) -> Tensor:
    return torch.tensor(columns, device=like.device)


def _check(
    dim: int, context: int, layers: int, bins: int, bound: float, hidden: Sequence[int]
) -> None:
    """One sentence for each size that makes no flow."""
    for name, size in (("dim", dim), ("context", context), ("layers", layers)):
        if size < 1:
            raise ValueError(f"{name} of a conditional flow must be at least 1, got {size}")
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden of a flow must be positive numbers, at least one, got {hidden}")
    check_spline(bins, bound, "bound")
