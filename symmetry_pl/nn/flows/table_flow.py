"""A flow for tables: columns of any scale, integers, constants, collinear or skewed ones."""

from __future__ import annotations

import math

import torch
from nflows.transforms import CompositeTransform
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from symmetry_pl.nn.flows.conditioner import spread_conditioner
from symmetry_pl.nn.flows.coupling import Coupling
from symmetry_pl.nn.flows.elementwise import Affine, Elementwise, Splines
from symmetry_pl.nn.flows.lattice import Lattice
from symmetry_pl.nn.flows.mixing import LUMixing, PartialMixing
from symmetry_pl.nn.flows.quantile_splines import QuantileSplines

_SINGULAR = 1e-5  # variance of a direction, below which columns determine each other
_JITTER = 5e-4  # deviation of the noise that such columns get
_FEW = 1e-3  # least variance of a direction where there are few rows
_PENALTIES = [10.0**k for k in range(-2, 6)]
_BOUND = 4.0


class TableFlow(nn.Module):
    r"""An invertible map x ↔ z = (z1, z0) with a base N(0, I), that starts from the data.

    .. math:: x \xrightarrow{\text{noise within a step}} w
        \xrightarrow{\text{quantile splines}} v
        \xrightarrow{\text{whitening}} u \xrightarrow{\text{couplings}} z

    The first three are measured (``measure``) and not trained: columns on a lattice get a density
    (``Lattice``), each column becomes about normal (``QuantileSplines``), and a whitening with
    shrinkage removes correlations. Its first columns are the directions of a ridge regression of y:
    z1 starts as the best linear predictor, and z0 uncorrelated with it.

    Then ``blocks`` times [linear mixing, affine coupling of one half, of the other half], and a
    spline of z1 that all others choose. From there on z1 stays: ``given_blocks`` that move z0 alone
    and see z1, and an affine map of z0 that z1 chooses, so that what z1 tells of mean and spread of
    z0 is removed last. The former are splines or affine: splines leave less of z1 in z0 where the
    law has edges or clusters, and have several times the parameters. All are the identity at the
    start.

    Columns that others determine get noise of 5e-4 of a deviation, so that their density is none of
    a line; it stays in what is decoded. All other columns are reconstructed exactly.

    Args:
        dim: D ≥ 2, columns of x.
        informative_dim: d1 < D, columns of z1, the first of z.
        blocks: number of blocks before z1 is there.
        given_blocks: number of blocks of z0 after that; none where z0 has one column.
        bins: bins of the spline of z1.
        width: units a hidden layer of the conditioners.
        knots: of the quantile splines.
        given_bins: bins of the splines of ``given_blocks``; 0 for affine maps.

    Raises:
        ValueError: for sizes that make no flow.

    >>> flow = TableFlow(3, blocks=1, width=4)
    >>> x = torch.tensor([[1.0, -3.0, 0.5]])
    >>> z, log_abs_det = flow(x)
    >>> flow.split(z)[0].shape, bool(torch.allclose(flow.inverse(z), x, atol=1e-5))
    (torch.Size([1, 1]), True)
    """

    shift: Tensor
    weight: Tensor
    log_volume: Tensor
    jitter: Tensor

    def __init__(
        self,
        dim: int,
        informative_dim: int = 1,
        blocks: int = 1,
        given_blocks: int = 3,
        bins: int = 16,
        width: int = 64,
        knots: int = 32,
        given_bins: int = 0,
    ) -> None:
        super().__init__()
        if not 1 <= informative_dim < dim:
            raise ValueError(
                f"informative_dim must lie between 1 and dim - 1 = {dim - 1}, got {informative_dim}"
            )
        if min(blocks, given_blocks) < 0 or bins < 2 or width < 1 or given_bins < 0:
            raise ValueError(
                "a flow of a table needs blocks ≥ 0, given_blocks ≥ 0, bins ≥ 2, width ≥ 1 and "
                f"given_bins ≥ 0, got {blocks}, {given_blocks}, {bins}, {width} and {given_bins}"
            )
        if given_bins == 1:
            raise ValueError("a spline has at least 2 bins: given_bins is 0 or at least 2, got 1")
        self.dim, self.informative_dim, self.blocks = dim, informative_dim, blocks
        self.lattice = Lattice(dim)
        self.splines = QuantileSplines(dim, knots)
        self.register_buffer("shift", torch.zeros(dim))
        self.register_buffer("weight", torch.eye(dim))
        self.register_buffer("log_volume", torch.zeros(()))
        self.register_buffer("jitter", torch.zeros(dim))
        first, rest = list(range(informative_dim)), list(range(informative_dim, dim))
        layers: list[nn.Module] = []
        for _ in range(blocks):
            layers.append(LUMixing(dim, permuted=False))
            layers += _both_halves([*first, *rest], [], width, 0)
        splines = Splines([False] * informative_dim, bins, _BOUND)
        layers.append(_coupling(first, rest, splines, 2 * width))
        for _ in range(given_blocks if len(rest) > 1 else 0):
            layers.append(PartialMixing(LUMixing(len(rest), permuted=False), informative_dim))
            layers += _both_halves(rest, first, width, given_bins)
        layers.append(_coupling(rest, first, Affine(len(rest)), width))
        self.layers = CompositeTransform(layers)

    @torch.no_grad()
    def measure(self, x: Tensor, y: Tensor, normal: Tensor) -> None:
        """Take what is not trained from training rows.

        Args:
            x: inputs ``(N, D)``.
            y: targets ``(N, t)``.
            normal: standard normal noise ``(N, D)`` for that within steps.

        Raises:
            ValueError: for fewer than 2 rows, or values that are not finite.
        """
        x, y, normal = (part.double().cpu() for part in (x, y, normal))
        if len(x) < 2 or not bool(x.isfinite().all() and y.isfinite().all()):
            raise ValueError(
                f"a flow is measured from at least 2 rows, all finite, got {tuple(x.shape)}"
            )
        self.lattice.measure(x)
        spread = self.lattice.spread(x, normal)
        self.splines.measure(spread)
        v = self.splines.double()(spread)[0]
        mean = v.mean(0)
        variances, axes, singular = _shrunk(v - mean)
        jitter = torch.zeros(self.dim, dtype=torch.float64)
        if singular:
            jitter[~self.lattice.on_lattice.cpu()] = _JITTER
        white = (axes * variances.rsqrt()) @ axes.T
        u = (v - mean) @ white.T
        slopes = RidgeCV(_PENALTIES).fit(u.numpy(), y.numpy()).coef_.reshape(y.shape[1], self.dim)
        turn = torch.linalg.svd(torch.from_numpy(slopes).T, full_matrices=True)[0]
        weight = turn.T @ white
        self.splines.to(self.shift.dtype)
        self.shift.copy_(mean)
        self.weight.copy_(weight)
        self.log_volume.copy_(-0.5 * variances.log().sum())
        self.jitter.copy_(jitter)

    def prepare(self, x: Tensor, normal: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Whitened columns u ``(B, D)`` and log|det ∂u/∂x| ``(B,)``.

        Args:
            x: rows ``(B, D)``.
            normal: standard normal noise ``(B, D)``, for the noise within steps and of columns
                that others determine; none by default.
        """
        if x.dim() != 2 or x.shape[1] != self.dim:
            raise ValueError(f"the flow takes a (B, {self.dim}) tensor, got {tuple(x.shape)}")
        if normal is None:
            normal = torch.zeros_like(x)
        v, log_slope = self.splines(self.lattice.spread(x, normal))
        u = (v + self.jitter * normal - self.shift) @ self.weight.T
        return u, log_slope + self.log_volume

    def forward(
        self, x: Tensor, normal: Tensor | None = None, noise: Tensor | float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Codes z ``(B, D)`` of x ``(B, D)``, and log|det ∂z/∂x| ``(B,)``.

        Args:
            x: rows.
            normal: see ``prepare``.
            noise: added to the whitened columns ``(B, D)``.
        """
        u, log_volume = self.prepare(x, normal)
        z, log_abs_det = self.layers(u + noise)
        return z, log_volume + log_abs_det

    def inverse(self, z: Tensor) -> Tensor:
        """The x ``(B, D)`` of codes z ``(B, D)``."""
        u = self.layers.inverse(z)[0]
        v: Tensor = torch.linalg.solve(self.weight, u.T).T
        return self.lattice.snap(self.splines.inverse(v + self.shift))

    def base_log_prob(self, z: Tensor) -> Tensor:
        """Log N(z; 0, I) in nats, ``(B,)``."""
        log_prob: Tensor = -0.5 * (z.square().sum(1) + self.dim * math.log(2 * math.pi))
        return log_prob

    def split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(z1, z0): what predicts y, ``(B, d1)``, and what does not, ``(B, D − d1)``."""
        return z[:, : self.informative_dim], z[:, self.informative_dim :]

    def join(self, z1: Tensor, z0: Tensor) -> Tensor:
        """The z ``(B, D)`` of ``split(z) == (z1, z0)``."""
        return torch.cat([z1, z0], 1)

    def extra_repr(self) -> str:
        """Sizes, for ``print(module)``."""
        return f"dim={self.dim}, informative_dim={self.informative_dim}, blocks={self.blocks}"


def _shrunk(v: Tensor) -> tuple[Tensor, Tensor, bool]:
    r"""Variances ``(D,)`` and axes ``(D, D)`` of centred rows; whether columns depend on others.

    .. math:: \tilde\lambda_i = \lambda_i^{1 - s}\, \bar\lambda^s, \qquad s = \min(1, D / n)

    On a scale of logarithms, as what is added to all variances would swamp the small ones of
    columns that nearly determine each other. Variances that vanish though there are rows enough
    become those of the noise that such columns get.
    """
    rows, dim = v.shape
    variances, axes = torch.linalg.eigh(v.T @ v / rows)
    enough = rows > 2 * dim
    vanish = (variances < _SINGULAR) & enough
    floor = _JITTER**2 if enough else _FEW
    share = min(1.0, dim / rows)
    shrunk = variances.clamp_min(floor) ** (1 - share) * variances.mean() ** share
    shrunk = torch.where(vanish, floor, shrunk)
    return shrunk, axes, bool(vanish.any())


def _both_halves(moved: list[int], seen: list[int], width: int, bins: int) -> list[nn.Module]:
    """Couplings of a random half of the columns and of the other, which see more columns.

    Splines of so many bins whose tails have learned slopes, or affine where there are none.
    """
    order = [moved[i] for i in torch.randperm(len(moved)).tolist()]
    one, other = order[: len(order) // 2], order[len(order) // 2 :]
    couplings: list[nn.Module] = []
    for part, kept in ((one, other), (other, one)):
        maps: Elementwise = Affine(len(part))
        if bins:
            maps = Splines([False] * len(part), bins, _BOUND, edge_slopes=True)
        couplings.append(_coupling(part, [*seen, *kept], maps, width))
    return couplings


def _coupling(moved: list[int], kept: list[int], maps: Elementwise, width: int) -> Coupling:
    return Coupling(moved, kept, spread_conditioner(len(kept), maps.parameters, width), maps)
