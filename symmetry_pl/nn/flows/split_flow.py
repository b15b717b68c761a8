"""A normalising flow whose latent code is split into an informative and an invariant part."""

from __future__ import annotations

import math

import torch
from nflows.transforms import CompositeTransform
from torch import Tensor, nn

from symmetry_pl.nn.flows.conditioner import spread_conditioner
from symmetry_pl.nn.flows.coupling import Coupling
from symmetry_pl.nn.flows.elementwise import Affine, Elementwise, Splines
from symmetry_pl.nn.flows.mixing import MIXINGS, PartialMixing
from symmetry_pl.nn.flows.options import check_positive, check_spline, per_column

COUPLINGS = ("spline", "affine")


class CouplingFlow(nn.Module):
    """An invertible map x → z = (z1, z0) with a factorised N(0, I) base.

    A standardisation by fixed numbers, then ``blocks`` times [linear mixing, coupling]. With

        log p(x) = log N(z; 0, I) + log|det ∂z/∂x|                (change of variables)

    maximum likelihood makes z0 independent of z1; trained together with a predictor of y that
    sees z1 alone, everything that x tells of y moves into z1, and z0 is left with nothing.
    Reconstruction is exact by construction.

    For the two coordinates of the spiral one block of ``rotation`` and ``spline`` is enough. For
    an autoencoder's latent of 16 take ``blocks=6, mixing="lu", coupling="affine", halves=1,
    width=128``.

    Where an encoder has already put all that predicts y into the first d1 columns,
    ``informative="given"`` leaves them as they are: they are z1, and z0 is the rest, moved by maps
    that see z1. The likelihood is then that of the rest given z1, but for a term without
    parameters, and what it takes from z0 is what z1 tells of it.

    Sources: Dinh et al. 2017 (Real NVP), Kingma & Dhariwal 2018 (Glow, the LU mixing),
    Durkan et al. 2019 (Neural Spline Flows).

    Args:
        dim: D, columns of x.
        informative_dim: d1 < D, columns of z1, the first of z.
        blocks: number of [mixing, coupling] blocks.
        coupling: ``"spline"`` or ``"affine"``, see ``Splines`` and ``Affine``.
        mixing: ``"rotation"`` or ``"lu"``, see ``RotationMixing`` and ``LUMixing``.
        bins: bins of a spline.
        tail_bound: a spline is the identity beyond; in units of the standardised x.
        width: units a hidden layer of the conditioners.
        depth: hidden layers of the conditioners.
        activation: of the conditioners, see ``MLP``.
        halves: couplings a block: 2 moves each half given the other in turn, 1 only one of them.
            Halves are random but for D = 2, where z0 moves last, given z1.
        shift: subtracted from x, one number or D; see ``standardise`` to take it from data.
        scale: then divides x, one positive number or D.
        informative: ``"learned"``: any direction of x may become z1; ``"given"``: its first d1
            columns are.

    Raises:
        ValueError: for sizes, names or scales that make no flow.

    >>> flow = CouplingFlow(2)
    >>> x = torch.tensor([[1.0, -3.0]])
    >>> z, log_abs_det = flow(x)
    >>> flow.split(z)[0].shape, log_abs_det.shape
    (torch.Size([1, 1]), torch.Size([1]))
    >>> bool(torch.allclose(flow.inverse(z), x))
    True
    """

    shift: Tensor
    weight: Tensor
    log_volume: Tensor

    def __init__(
        self,
        dim: int,
        informative_dim: int = 1,
        blocks: int = 1,
        coupling: str = "spline",
        mixing: str = "rotation",
        bins: int = 16,
        tail_bound: float = 4.0,
        width: int | list[int] = 64,
        depth: int = 2,
        activation: str = "silu",
        halves: int = 2,
        shift: float | list[float] = 0.0,
        scale: float | list[float] = 1.0,
        informative: str = "learned",
    ) -> None:
        super().__init__()
        _check(dim, informative_dim, blocks, coupling, mixing, halves, informative)
        if coupling == "spline":
            check_spline(bins, tail_bound, "tail_bound")
        self.dim, self.informative_dim, self.blocks = dim, informative_dim, blocks
        offset = per_column("shift", shift, dim)
        spread = check_positive("scale", per_column("scale", scale, dim))
        self.register_buffer("shift", offset)
        self.register_buffer("weight", torch.diag(1 / spread))
        self.register_buffer("log_volume", -spread.log().sum())
        self.given = first = informative_dim if informative == "given" else 0
        layers: list[nn.Module] = []
        for block in range(blocks):
            mix = MIXINGS[mixing](dim - first)
            layers.append(PartialMixing(mix, first) if first else mix)
            parts = _halves(dim - first, block if halves == 1 else 0)
            moved, kept = ([first + i for i in part] for part in parts)
            for _ in range(halves):
                if moved:
                    seen = [*range(first), *kept]
                    maps: Elementwise = Affine(len(moved))
                    if coupling == "spline":
                        maps = Splines([False] * len(moved), bins, tail_bound)
                    net = spread_conditioner(len(seen), maps.parameters, width, depth, activation)
                    layers.append(Coupling(moved, seen, net, maps))
                moved, kept = kept, moved
        self.layers = CompositeTransform(layers)

    @torch.no_grad()
    def standardise(self, samples: Tensor, whiten: bool = False) -> None:
        """Take the standardisation from data ``(N, D)``: x ↦ W (x − mean).

        Call it before training; it changes the map. W is diag(1/std), or the inverse of the
        covariance's Cholesky factor, which also removes correlations. A given z1 stays as it is;
        then only the correlations of the rest, and of the rest with z1, are removed.

        Args:
            samples: rows of x; with ``whiten`` more than D of them.
            whiten: remove correlations too.

        Raises:
            ValueError: for fewer than 2 rows, values that are not finite, or a column (with
                ``whiten`` a combination of columns) that is constant.
        """
        self._check_input(samples)
        x = samples.double()
        if len(x) < 2 or not bool(x.isfinite().all()):
            raise ValueError(f"standardise needs at least 2 rows, all finite, got {tuple(x.shape)}")
        covariance = torch.cov(x.T)
        if not whiten:
            covariance = torch.diag(covariance.diagonal())
        variances = torch.linalg.eigvalsh(covariance)
        if not bool(variances[0] > 1e-12 * variances[-1]):
            raise ValueError(
                "standardise got samples with a constant direction "
                f"(variances from {float(variances[0]):.1e} to {float(variances[-1]):.1e}); "
                "drop columns or reduce the dimension first"
            )
        factor, eye = torch.linalg.cholesky(covariance), torch.eye(self.dim).to(covariance)
        weight = torch.linalg.solve_triangular(factor, eye, upper=False)
        given = torch.zeros(self.dim).to(covariance)
        if self.given:
            first = slice(self.given)
            weight[first] = eye[first]
            given[first] = x.mean(0)[first]
        self.shift.copy_(x.mean(0) - torch.linalg.solve(weight, given))
        self.weight.copy_(weight)
        self.log_volume.copy_(weight.diagonal().log().sum())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes z ``(B, D)`` of x ``(B, D)``, and log|det ∂z/∂x| ``(B,)``."""
        self._check_input(x)
        z, log_abs_det = self.layers((x - self.shift) @ self.weight.T)
        return z, self.log_volume + log_abs_det

    def inverse(self, z: Tensor) -> Tensor:
        """The x ``(B, D)`` of codes z ``(B, D)``: ``inverse(forward(x)[0]) == x``."""
        self._check_input(z)
        scaled = self.layers.inverse(z)[0]
        unscaled: Tensor = torch.linalg.solve(self.weight, scaled.T).T
        return unscaled + self.shift

    def base_log_prob(self, z: Tensor) -> Tensor:
        """Log N(z; 0, I) in nats, ``(B,)``."""
        log_prob: Tensor = -0.5 * (z.square().sum(1) + self.dim * math.log(2 * math.pi))
        return log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        """Log p(x) in nats, ``(B,)``, under the N(0, I) base."""
        z, log_abs_det = self.forward(x)
        return log_abs_det + self.base_log_prob(z)

    def split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(z1, z0): what predicts y, ``(B, d1)``, and what does not, ``(B, D − d1)``."""
        return z[:, : self.informative_dim], z[:, self.informative_dim :]

    def join(self, z1: Tensor, z0: Tensor) -> Tensor:
        """The z ``(B, D)`` of ``split(z) == (z1, z0)``."""
        return torch.cat([z1, z0], 1)

    def extra_repr(self) -> str:
        """Sizes, for ``print(module)``."""
        return f"dim={self.dim}, informative_dim={self.informative_dim}, blocks={self.blocks}"

    def _check_input(self, x: Tensor) -> None:
        if x.dim() != 2 or x.shape[1] != self.dim:
            raise ValueError(f"the flow takes a (B, {self.dim}) tensor, got {tuple(x.shape)}")


def _check(
    dim: int,
    informative_dim: int,
    blocks: int,
    coupling: str,
    mixing: str,
    halves: int,
    informative: str,
) -> None:
    """One sentence for each setting that makes no flow."""
    if dim < 2:
        raise ValueError(f"dim of a flow must be at least 2, to be split in halves, got {dim}")
    if not 1 <= informative_dim < dim:
        raise ValueError(
            f"informative_dim must lie between 1 and dim - 1 = {dim - 1}, got {informative_dim}"
        )
    if blocks < 1:
        raise ValueError(f"blocks of a flow must be at least 1, got {blocks}")
    if coupling not in COUPLINGS:
        raise ValueError(f"coupling must be 'spline' or 'affine', got {coupling!r}")
    if mixing not in MIXINGS:
        raise ValueError(f"mixing must be one of {sorted(MIXINGS)}, got {mixing!r}")
    if halves not in (1, 2):
        raise ValueError(f"halves must be 1 or 2 couplings a block, got {halves}")
    if informative not in ("learned", "given"):
        raise ValueError(f"informative must be 'learned' or 'given', got {informative!r}")


def _halves(dim: int, block: int) -> tuple[list[int], list[int]]:
    """A random half of the coordinates and the rest; for dim = 2 the block decides which."""
    order = (torch.randperm(dim) if dim > 2 else torch.arange(dim).roll(block)).tolist()
    cut = max(1, dim // 2)
    return order[:cut], order[cut:]
