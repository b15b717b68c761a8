"""Coupling layers: some coordinates move by an invertible map that the others choose."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from nflows.transforms.coupling import CouplingTransform
from torch import Tensor, nn

from symmetry_pl.nn.flows.elementwise import Elementwise


class Coupling(CouplingTransform):  # type: ignore[misc]
    r"""The coupling of nflows with a conditioner and a map that are handed in.

    .. math:: y_{kept} = x_{kept}, \qquad y_{moved} = f\bigl(x_{moved};\, c(x_{kept}, h)\bigr)

    f acts on each moved coordinate alone, so that the Jacobian is triangular (Dinh et al. 2017,
    Real NVP, eq. 4-6). ``forward`` and ``inverse`` take x ``(B, D)`` and a context h ``(B, k)`` or
    None, and return the image ``(B, D)`` and the log-determinant of its Jacobian ``(B,)``.

    Args:
        moved: indices of the coordinates that move, in the order in which ``elementwise`` takes
            them.
        kept: indices of those that choose the map, in the order in which ``conditioner`` takes
            them; together they are a permutation of 0 … D−1.
        conditioner: c, called with the kept coordinates ``(B, len(kept))`` and h; it gives
            ``(B, elementwise.parameters)``.
        elementwise: f.
    """

    identity_features: Tensor
    transform_features: Tensor

    def __init__(
        self,
        moved: Sequence[int],
        kept: Sequence[int],
        conditioner: nn.Module,
        elementwise: Elementwise,
    ) -> None:
        mask = [int(i in moved) for i in range(len(moved) + len(kept))]
        super().__init__(mask, lambda *_: conditioner)
        # In the order given, not in that of the mask; a checkpoint restores both.
        self.transform_features.copy_(torch.tensor(moved))
        self.identity_features.copy_(torch.tensor(kept))
        self.elementwise = elementwise

    def _transform_dim_multiplier(self) -> int:
        return 0  # the conditioner is there already, with as many outputs as the map takes

    def _coupling_transform_forward(
        self, inputs: Tensor, transform_params: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.elementwise(inputs, transform_params, inverse=False)

    def _coupling_transform_inverse(
        self, inputs: Tensor, transform_params: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.elementwise(inputs, transform_params, inverse=True)

    def extra_repr(self) -> str:
        """What moves, for ``print(module)``."""
        return f"moves {len(self.transform_features)} of {self.features} by {self.elementwise}"
