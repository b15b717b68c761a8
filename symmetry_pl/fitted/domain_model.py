"""A trained LensDomain on NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.vectors.scaling import from_standard
from symmetry_pl.fitted.inputs import OnInvalid, read_inputs, real_rows
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.lens.domains.layer import DomainLayer
from symmetry_pl.lens.lens_domain import LensDomain

__all__ = ["DomainModel"]

Array = npt.NDArray[Any]


class DomainModel(FittedModel):
    """Images behind scrambled vectors, and moves along the axes that were found.

    Args:
        module: the trained model.
        batch_size: samples worked through at once.
    """

    module: LensDomain

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the images: ``(H, W)`` or ``(L,)``, with k channels ``(k, H, W)`` or ``(k, L)``."""
        lengths = tuple(length for length, _ in self.module.domain.axes)
        return lengths if self.module.channels == 1 else (self.module.channels, *lengths)

    @property
    def places(self) -> Array:
        """Number of the cell of each input ``(d,)``, −1 for those that have none."""
        found: Array = self.module.places.cpu().numpy().copy()
        return found

    @property
    def code_names(self) -> list[str]:
        """``representation_0``, …: the cells channel by channel, the last axis fastest."""
        return [f"representation_{i}" for i in range(prod(self.shape))]

    @property
    def generators(self) -> Array:
        """The translations ``(g, d, d)`` float64: a sample x moves by one cell to G x."""
        found: Array = self.module.generators().detach().double().cpu().numpy()
        return found

    def as_layer(self, size: Sequence[int] | None = None, trainable: bool = False) -> DomainLayer:
        """A module for networks behind it; see ``LensDomain.as_layer``."""
        return self.module.as_layer(size, trainable)

    def transform(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Cells of samples ``(N, H · W)`` float32; ``.reshape(-1, *shape)`` are images.

        Arguments and errors are those of ``FittedModel.transform``.
        """
        layer = self.module.as_layer()
        return self._each(x, lambda part: layer(part).flatten(1).float(), on_invalid)

    def inverse_transform(self, codes: Any) -> Array:
        """Samples ``(N, d)`` float64 of cells ``(N, H · W)``; the mean of inputs without one."""
        cells = torch.from_numpy(real_rows(codes, prod(self.shape), "codes"))
        cells = cells.view(len(cells), self.module.channels, self.module.domain.size)
        places = self.module.places.cpu()
        placed = places >= 0
        x = self.module.centre.double().cpu().repeat(len(cells), 1)
        x[:, self.module.members[placed].T] = cells[:, :, places[placed]]
        if self.module.mixed:
            x = torch.linalg.solve(self.module.bases[0].cpu(), x.T).T
        return from_standard(x.numpy(), self.data.extra)

    def move(self, x: Any, t: Any) -> Array:
        """Samples moved along the axes, in the user's units.

        Args:
            x: ``(N, d)``.
            t: whole numbers of cells, one an axis, negative for the other direction. What leaves a
                chain is lost, and 0 follows.

        Returns:
            ``(N, d)`` float64.

        Raises:
            ValueError: for samples that cannot be used, or other amounts.
        """
        inputs = read_inputs(x, self.data)
        rows = inputs.usable("raise")
        amounts = np.asarray(t)
        axes = self.module.domain.dimensions
        if amounts.shape != (axes,) or (amounts != np.round(amounts)).any():
            raise ValueError(f"t must be {axes} whole numbers, one an axis, got {t!r}")
        ways = [self.module.generators(backward).double().cpu() for backward in (False, True)]
        move = torch.eye(self.module.dim, dtype=torch.float64)
        for axis, amount in enumerate(amounts.astype(int).tolist()):
            step = ways[int(amount < 0)][axis]
            move = torch.linalg.matrix_power(step, abs(amount)) @ move
        turn = self._placed(move)

        def moved(part: slice) -> Tensor:
            return self._batch(inputs, rows[part]) @ turn.T

        return from_standard(self._batched(len(rows), moved).astype(float), self.data.extra)
