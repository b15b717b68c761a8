r"""A chain behind any matrix: the basis in which a window that moves keeps its law.

Second moments hide nothing but a rotation, and whitening leaves that alone. But a window that moves
by one position keeps its law beyond second moments,

.. math:: (y_1, \dots, y_{d-1}) \sim (y_2, \dots, y_d), \qquad y = B x,

and a pair of maps to d − 1 numbers has one basis at most, up to its scale and direction, in which
they leave out the last and the first (the Kronecker form of a pencil). A filter of y keeps the law
inside but not at the ends, where there is nothing to filter. So B is unique unless y is Gaussian.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.ica import nearest_rotation
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.symbol import fit_symbol

__all__ = ["ONE_LAW", "WindowMisfit", "stationary_chain"]

ONE_LAW = 1.0
"""Misfit up to which windows have one law: about one half where a basis was fitted to it."""

_ROUNDS = (40_000, 40_000, 200_000, 200_000)  # most samples of each choice of weights
_STEPS = 60  # of L-BFGS in each
_MEMORY = 20
_STEEP = 1.5  # of the odd function


class WindowMisfit:
    r"""How far the moments of two windows differ, each by its sampling error.

    .. math:: \frac1m \sum_{fgkl} \frac{n \bigl( E f(v_k) g(v_l) - E f(w_k) g(w_l) \bigr)^2}
        {E \bigl( f(v_k) g(v_l) - f(w_k) g(w_l) \bigr)^2}

    over (f, g) = (|·|, id), (|·|, |·|) and (tanh, id), and the means of v and w, m numbers in all.
    v and w are the two windows in coordinates in which both are white, so that a filter which hides
    the law by mixing many positions gains nothing. With y = T^{1/2} R z, z white and T Toeplitz,
    second moments of the windows are the same whatever the rotation R. About 1 at the truth, about
    one half where R and T were fitted to it.

    Args:
        z: white samples, ``(n, d)``.
        mean: what was taken off of them, ``(d,)``.
    """

    def __init__(self, z: Tensor, mean: Tensor) -> None:
        self.z, self.mean = z.float(), mean.double()
        self.lattice = Lattice(z.shape[1])
        self.weights: tuple[Tensor, ...] = ()

    def basis(self, symbol: Tensor, turn: Tensor) -> Tensor:
        """B = T^{1/2} R, ``(d, d)``."""
        basis: Tensor = _Root.apply(self.lattice.covariance(symbol), 0.5) @ turn
        return basis

    def weigh(self, symbol: Tensor, turn: Tensor) -> None:
        """Take one over the sampling errors at this basis as weights."""
        with torch.no_grad():
            first, second = self._windows(symbol, turn)
            v, w = (self.z @ part.float().T for part in (first, second))
            errors = [(first - second).square().sum(1)]
            for (f, g), (h, k) in zip(_pairs(v), _pairs(w), strict=True):
                errors.append((f.square().T @ g.square() + h.square().T @ k.square()).double())
                errors[-1] = (errors[-1] - 2 * ((f * h).T @ (g * k)).double()) / len(self.z)
        self.weights = tuple(len(self.z) / error for error in errors)

    def __call__(self, symbol: Tensor, turn: Tensor) -> Tensor:
        """The misfit.

        Args:
            symbol: log symbol of T, as of ``Lattice``.
            turn: R, ``(d, d)``.
        """
        first, second = self._windows(symbol, turn)
        v, w = (self.z @ part.float().T for part in (first, second))
        gaps = [(first - second) @ self.mean]
        for (f, g), (h, k) in zip(_pairs(v), _pairs(w), strict=True):
            gaps.append((f.T @ g - h.T @ k).double() / len(self.z))
        terms = [weight * gap.square() for weight, gap in zip(self.weights, gaps, strict=True)]
        total: Tensor = torch.stack([term.sum() for term in terms]).sum()
        return total / sum(term.numel() for term in terms)

    def _windows(self, symbol: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
        """From white samples to both white windows, ``(d − 1, d)`` each."""
        size = self.lattice.dim - 1
        basis = self.basis(symbol, turn)
        white = _Root.apply(self.lattice.covariance(symbol)[:size, :size], -0.5)
        return white @ basis[:size], white @ basis[1:]


def _pairs(v: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Pairs f, g of functions of numbers ``(n, d)``."""
    size = v.abs()
    return [(size, v), (size, size), ((_STEEP * v).tanh(), v)]


def stationary_chain(x: Tensor, start: Tensor) -> tuple[Tensor, float]:
    """The basis near ``start`` along which windows have one law, and the misfit that is left.

    L-BFGS over rotations and symbols, with weights that are taken anew four times, at first on
    fewer samples. Second moments are stationary in every such basis: only the misfit says whether
    the law is. Rows that have no more than ``ONE_LAW`` of it stay as they are.

    Args:
        x: samples, ``(n, d)``, of which no combination is constant.
        start: rows in the order of their positions, ``(d, d)``.

    Returns:
        B, float64, of rows in the same order and deviation 1, and the ``WindowMisfit``.
    """
    x = x.double()
    values, vectors = torch.linalg.eigh((x - x.mean(0)).T.cov(correction=0))
    white = (vectors / values.sqrt()) @ vectors.T
    z, mean = (x - x.mean(0)) @ white, white @ x.mean(0)
    misfit = WindowMisfit(z, mean)
    rows = start.double() @ (vectors * values.sqrt()) @ vectors.T
    covariance = rows @ rows.T
    symbol = fit_symbol(covariance / covariance.diagonal().mean(), misfit.lattice)
    back = torch.linalg.inv(misfit.basis(symbol, torch.eye(len(rows)).double()))
    turn = nearest_rotation(back @ rows)
    misfit.weigh(symbol, turn)
    before = float(misfit(symbol, turn))
    if before < ONE_LAW:
        return start / rows.norm(dim=1, keepdim=True), before
    for count in _ROUNDS:
        misfit = WindowMisfit(z[:: -(-len(z) // count)], mean)
        misfit.weigh(symbol, turn)
        symbol, turn = _descended(misfit, symbol, turn)
    misfit.weigh(symbol, turn)
    basis = misfit.basis(symbol, turn)
    left = float(misfit(symbol, turn))
    return (basis / basis.norm(dim=1, keepdim=True)) @ white, left


def _descended(misfit: WindowMisfit, symbol: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """Symbol and rotation of less misfit."""
    dim = len(turn)
    below = torch.tril_indices(dim, dim, -1)
    angles = torch.zeros(below.shape[1], dtype=torch.float64, requires_grad=True)
    symbol = symbol.clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [angles, symbol],
        max_iter=_STEPS,
        history_size=_MEMORY,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def turned() -> Tensor:
        half = torch.zeros(dim, dim, dtype=torch.float64).index_put(tuple(below), angles)
        rotation: Tensor = torch.matrix_exp(half - half.T) @ turn
        return rotation

    def closure() -> float:
        optimizer.zero_grad()
        loss = misfit(symbol, turned())
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return symbol.detach(), turned().detach()


class _Root(torch.autograd.Function):
    """T^p for p = ½ or −½ of a positive matrix; stable where eigenvalues are nearly equal."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, power: float) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        root = values.sqrt()
        ctx.vectors, ctx.slopes = vectors, 1 / (root[:, None] + root)
        if power < 0:
            ctx.slopes = -ctx.slopes / (root[:, None] * root)
        powers: Tensor = root if power > 0 else 1 / root
        result: Tensor = (vectors * powers) @ vectors.T
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        vectors = ctx.vectors
        return vectors @ (ctx.slopes * (vectors.T @ gradient @ vectors)) @ vectors.T, None
