"""Invertible linear maps with cheap log-determinants, to mix the coordinates of a flow.

Like transforms of nflows they take a context, which they do not look at, and give a log-determinant
in both directions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RotationMixing(nn.Module):
    """y = diag(exp s) R x with a trainable rotation R = exp(A − Aᵀ), so log|det| = Σ s.

    A is strictly upper triangular; at initialisation the map is the identity. The rotation is
    exactly orthogonal at all times, which makes it the best conditioned choice for few
    coordinates; its matrix exponential costs O(dim³) a step.

    Args:
        dim: columns of ``x``.

    >>> RotationMixing(2)(torch.tensor([[1.0, 2.0]]))
    (tensor([[1., 2.]], grad_fn=<MmBackward0>), tensor(0., grad_fn=<SumBackward0>))
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        rows, columns = torch.triu_indices(dim, dim, 1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.angles = nn.Parameter(torch.zeros(len(rows)))
        self.log_scale = nn.Parameter(torch.zeros(dim))

    def rotation(self) -> Tensor:
        """R, ``(dim, dim)``, orthogonal with determinant 1."""
        dim = len(self.log_scale)
        upper = self.angles.new_zeros(dim, dim).index_put((self.rows, self.columns), self.angles)
        rotation: Tensor = torch.linalg.matrix_exp(upper - upper.T)
        return rotation

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The image ``(B, dim)`` of x ``(B, dim)``, and its log-determinant, one number."""
        weight = self.rotation() * self.log_scale.exp()[:, None]
        return x @ weight.T, self.log_scale.sum()

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The x of ``forward(x)[0] == y``, and its log-determinant."""
        return (y * (-self.log_scale).exp()) @ self.rotation(), -self.log_scale.sum()

    def extra_repr(self) -> str:
        """Sizes, for ``print(module)``."""
        return f"dim={len(self.log_scale)}"


class LUMixing(nn.Module):
    """y = P L U x with a random permutation P and trainable triangular L, U; log|det| = Σ log Uᵢᵢ.

    L has a unit diagonal, the diagonal of U is exp s. At initialisation the map is P alone
    (Kingma & Dhariwal 2018, Glow, eq. 10).

    Args:
        dim: columns of ``x``.
        permuted: whether P is drawn at random, or the identity.
    """

    permutation: Tensor

    def __init__(self, dim: int, permuted: bool = True) -> None:
        super().__init__()
        order = torch.randperm(dim) if permuted else torch.arange(dim)
        self.register_buffer("permutation", order)
        self.lower = nn.Parameter(torch.zeros(dim, dim))
        self.upper = nn.Parameter(torch.zeros(dim, dim))
        self.log_scale = nn.Parameter(torch.zeros(dim))

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U, both ``(dim, dim)``."""
        eye = torch.eye(len(self.log_scale), dtype=self.lower.dtype, device=self.lower.device)
        return self.lower.tril(-1) + eye, self.upper.triu(1) + torch.diag(self.log_scale.exp())

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The image ``(B, dim)`` of x ``(B, dim)``, and its log-determinant, one number."""
        lower, upper = self.factors()
        return x @ (lower @ upper)[self.permutation].T, self.log_scale.sum()

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The x of ``forward(x)[0] == y``, and its log-determinant."""
        lower, upper = self.factors()
        columns = y[:, self.permutation.argsort()].T
        columns = torch.linalg.solve_triangular(lower, columns, upper=False, unitriangular=True)
        solution: Tensor = torch.linalg.solve_triangular(upper, columns, upper=True).T
        return solution, -self.log_scale.sum()

    def extra_repr(self) -> str:
        """Sizes, for ``print(module)``."""
        return f"dim={len(self.log_scale)}"


MIXINGS: dict[str, type[RotationMixing] | type[LUMixing]] = {
    "rotation": RotationMixing,
    "lu": LUMixing,
}


class PartialMixing(nn.Module):
    """A mixing of the last columns that leaves the first ones as they are.

    Args:
        mixing: the mixing of the columns from ``first`` on.
        first: columns that pass unchanged.

    >>> PartialMixing(RotationMixing(1), first=2)(torch.tensor([[1.0, 2.0, 3.0]]))[0].tolist()
    [[1.0, 2.0, 3.0]]
    """

    def __init__(self, mixing: RotationMixing | LUMixing, first: int) -> None:
        super().__init__()
        self.mixing = mixing
        self.first = first

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The image ``(B, D)`` of x ``(B, D)``, and its log-determinant, one number."""
        mixed, log_abs_det = self.mixing(x[:, self.first :])
        return torch.cat([x[:, : self.first], mixed], 1), log_abs_det

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The x of ``forward(x)[0] == y``, and its log-determinant."""
        unmixed, log_abs_det = self.mixing.inverse(y[:, self.first :])
        return torch.cat([y[:, : self.first], unmixed], 1), log_abs_det
