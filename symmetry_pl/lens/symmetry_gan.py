"""SymmetryGAN: one group element that a discriminator cannot notice."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from symmetry_pl.core import Player, PlayerOptions
from symmetry_pl.core.registry import check_choice
from symmetry_pl.lens.adversarial import AdversarialGenerator

__all__ = ["GroupElement", "Parametrisation", "SymmetryGAN"]

Parametrisation: TypeAlias = Literal["qr", "exp", "givens", "free"]
"""How a matrix is made from what is trained."""


class GroupElement(nn.Module):
    r"""One trainable matrix of a kind.

    ``qr``: Q of T = Q R, T uniform in (−1, 1) at the start (as the SymmetryLens authors run it).
    ``exp``: exp((T − Tᵀ)/2). ``givens``: the product of the turns of all coordinate planes, angles
    uniform in (0, 2π) at the start (Desai et al., for 4-vectors). ``free``: T itself, normal at the
    start (the baseline of LieGAN). Householder's Q has the determinant (−1)^{n−1} always, the next
    two have 1; a sign of R that flips lets Q jump.

    Args:
        n: size of the matrix.
        kind: one of the four.

    Raises:
        ValueError: for another kind.
    """

    def __init__(self, n: int, kind: Parametrisation = "qr") -> None:
        super().__init__()
        check_choice("model.parametrisation", kind, get_args(Parametrisation))
        self.n, self.kind = n, kind
        if kind == "givens":
            self.free = nn.Parameter(2 * math.pi * torch.rand(n * (n - 1) // 2))
        elif kind == "free":
            self.free = nn.Parameter(torch.randn(n, n))
        else:
            self.free = nn.Parameter(2 * torch.rand(n, n) - 1)

    def forward(self) -> Tensor:
        """The matrix, ``(n, n)``."""
        if self.kind == "free":
            return self.free
        if self.kind == "qr":
            q: Tensor = torch.linalg.qr(self.free)[0]
            return q
        if self.kind == "exp":
            turned: Tensor = torch.matrix_exp((self.free - self.free.T) / 2)
            return turned
        found = torch.eye(self.n, dtype=self.free.dtype, device=self.free.device)
        for (i, j), angle in zip(itertools.combinations(range(self.n), 2), self.free, strict=True):
            found = found @ self._turn(i, j, angle)
        return found

    def _turn(self, i: int, j: int, angle: Tensor) -> Tensor:
        """The turn of one coordinate plane, e_i towards e_j."""
        like: dict[str, Any] = {"dtype": angle.dtype, "device": angle.device}
        within = torch.zeros(self.n, self.n, **like)
        within[i, i] = within[j, j] = 1.0
        across = torch.zeros(self.n, self.n, **like)
        across[j, i], across[i, j] = 1.0, -1.0
        rest = torch.eye(self.n, **like) - within
        return rest + angle.cos() * within + angle.sin() * across


class SymmetryGAN(AdversarialGenerator):
    """One matrix g that leaves the law of the data as it is (Desai, Nachman, Thaler, 2022).

    There is no penalty: the identity is an optimum, and which element is found depends on the
    start alone. Rates are those of the published code (Adam at 1e-3 for both).

    Args:
        parametrisation: ``qr``, ``exp``, ``givens`` or ``free``, see ``GroupElement``.
        activation: of the discriminator.
        batch_split: as of ``AdversarialGenerator``.
        kwargs: options of ``AdversarialGenerator``.

    Raises:
        ValueError: for another parametrisation.
    """

    headline = ("objective", "element_cosine", "moving_cosine", "orbit_cosine")
    default_widths = (25, 25)

    def __init__(
        self,
        parametrisation: Parametrisation = "qr",
        activation: str = "relu",
        batch_split: Literal["shared", "dealt"] = "dealt",
        **kwargs: Any,
    ) -> None:
        super().__init__(activation=activation, batch_split=batch_split, **kwargs)
        self.group: GroupElement

    def configure_group(self, n: int) -> nn.Module:
        """The matrix."""
        return GroupElement(n, self.hparams["parametrisation"])

    def configure_players(self) -> dict[str, Player]:
        """Both with Adam at 1e-3 and the library's epsilon."""
        options = PlayerOptions(lr=1e-3, eps=1e-7)
        return {
            "generator": Player([self.group], options),
            "discriminator": Player([self.discriminator], options),
        }

    def elements(self, normal: Tensor) -> Tensor:
        """The one element, ``(1, n, n)``."""
        return self.generators()

    def generators(self) -> Tensor:
        """The one element, ``(1, n, n)``."""
        element: Tensor = self.group()
        return element[None]
