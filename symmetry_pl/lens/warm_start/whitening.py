"""What the data's second moments say, and the checks that they say it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["Whitened", "whiten"]

_WHITE = 3.0  # times the sampling level
_RANK_TOLERANCE = 1e-12  # of the largest eigenvalue; float32 input rounds at about 1e-14


@dataclass(frozen=True)
class Whitened:
    """Centred data and its white version z = C^{-1/2} x.

    The symmetric root keeps the axes: a rotation R of z is also an orthonormal basis of x space.

    Attributes:
        x: centred data, ``(n, d)``, float32.
        z: white data, ``(n, d)``, float32.
        covariance: C, ``(d, d)``, float64.
        eigenvalues: of C, falling, ``(d,)``.
        eigenvectors: U, ``(d, d)``, one a column: C = U diag(λ) Uᵀ.
        block: rows next to each other that may depend on each other; 1 if none do.
    """

    x: Tensor
    z: Tensor
    covariance: Tensor
    eigenvalues: Tensor
    eigenvectors: Tensor
    block: int = 1

    def __len__(self) -> int:
        return len(self.x)

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.x.shape[1]

    def some_rows(self, count: int = 20_000) -> Tensor:
        """White data of every so-many-th sample, ``count`` or a few less if there are more."""
        return self.z[:: -(-len(self) // count)]

    def sampling_level(self) -> float:
        """Expected Gaussian KL between the sample covariance and a stationary truth, in nats.

        To second order KL = ¼ tr(δ²) with δ the error of the white covariance, and over samples
        E tr(δ²) = (E|z|⁴ − d) / n whatever the distribution; a fitted symbol absorbs about
        2 / (d + 1) of it. For Gaussian data this is d (d − 1) / 4n. Where rows depend on their
        neighbours it is ``inflation`` times that.
        """
        absorbed = (self.dim - 1) / (self.dim + 1)
        return self._independent / (4 * len(self)) * absorbed * self.inflation

    @cached_property
    def _independent(self) -> float:
        """E tr(δ²) of independent rows, times n."""
        return float(self.z.double().square().sum(1).square().mean()) - self.dim

    @cached_property
    def inflation(self) -> float:
        r"""Variance of a second moment over that of as many independent rows, at least 1.

        .. math:: \sum_b \Big\| \sum_{i \in b} (z_i z_i^\top - I) \Big\|^2 \Big/
            \sum_i \big\| z_i z_i^\top - I \big\|^2

        over blocks b of neighbouring rows.
        """
        count = len(self) // self.block
        if self.block == 1 or count < 2:
            return 1.0
        eye = self.block * torch.eye(self.dim)
        total = 0.0
        for k in range(count):
            rows = self.z[k * self.block : (k + 1) * self.block]
            total += float((rows.T @ rows - eye).double().square().sum())
        return max(1.0, total / (count * self.block * self._independent))

    def halves(self, generator: torch.Generator) -> tuple[Whitened, Whitened]:
        """Two sets of rows that are independent of each other, each white by itself.

        Drawn at random, or, where rows depend on their neighbours, all before and all after the
        middle.

        Raises:
            ValueError: if a half has no more rows than columns.
        """
        half = len(self) // 2
        if self.block > 1:
            first, second = self.x[:half], self.x[half:]
        else:
            order = torch.randperm(len(self), generator=generator)
            first, second = self.x[order[:half].sort()[0]], self.x[order[half:].sort()[0]]
        return whiten(first, block=self.block), whiten(second, block=self.block)

    def is_white(self) -> bool:
        """Whether the covariance is a multiple of the identity as far as the samples tell."""
        values = self.eigenvalues
        kl = 0.5 * float(self.dim * values.mean().log() - values.log().sum())
        return kl <= _WHITE * self.sampling_level()


def whiten(
    x: Tensor,
    max_samples: int | None = None,
    generator: torch.Generator | None = None,
    block: int = 1,
) -> Whitened:
    """Check, centre and whiten the rows of ``x``.

    Args:
        x: samples, ``(n, d)``.
        max_samples: use a random subset of at most this many.
        generator: draws the subset.
        block: rows next to each other that may depend on each other; a subset is then made of the
            first rows.

    Raises:
        ValueError: if x is not ``(n, d)`` with n > d ≥ 3, or has NaN or infinite entries, a
            constant column, or a covariance that is not of full rank; or if max_samples ≤ d.
    """
    _check_values(x)
    if max_samples is not None and max_samples <= x.shape[1]:
        raise ValueError(
            f"max_samples must exceed the {x.shape[1]} dimensions of x, got {max_samples}"
        )
    if max_samples is not None and len(x) > max_samples:
        rows = torch.randperm(len(x), generator=generator)[:max_samples]
        x = x[rows] if block == 1 else x[:max_samples]
    x = x.double()
    _check_constant(x)
    x = x - x.mean(0)
    covariance = x.T @ x / len(x)
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    rank = int((eigenvalues > _RANK_TOLERANCE * eigenvalues[-1]).sum())
    if rank < x.shape[1]:
        raise ValueError(
            f"the covariance of x has rank {rank} but x has {x.shape[1]} columns: some are linear "
            "combinations of others, so keep fewer columns or the leading principal components"
        )
    white = x @ (eigenvectors * eigenvalues.rsqrt() @ eigenvectors.T)
    return Whitened(
        x.float(), white.float(), covariance, eigenvalues.flip(0), eigenvectors.flip(1), block
    )


def _check_values(x: Tensor) -> None:
    if x.ndim != 2:
        raise ValueError(f"x must have shape (samples, dimensions), got {tuple(x.shape)}")
    n, dim = x.shape
    if dim < 3:
        raise ValueError(f"a hidden chain needs at least 3 positions, but x has {dim} columns")
    if n <= dim:
        raise ValueError(f"x needs more samples than its {dim} dimensions, got {n}")
    broken = (~torch.isfinite(x)).any(1).nonzero().flatten().tolist()
    if broken:
        first = ", ".join(map(str, broken[:5])) + (", ..." if len(broken) > 5 else "")
        raise ValueError(
            f"{len(broken)} of the {n} rows of x hold NaN or infinite values (rows {first}): "
            "drop or repair them"
        )


def _check_constant(x: Tensor) -> None:
    constant = (x.amax(0) == x.amin(0)).nonzero().flatten().tolist()
    if constant:
        names = ", ".join(map(str, constant[:5])) + (", ..." if len(constant) > 5 else "")
        raise ValueError(
            f"column {names} of x is constant and has no place on a hidden chain: leave it out"
        )
