"""A trained InvarianceAlgebra on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.vectors.scaling import from_standard
from symmetry_pl.fitted.inputs import OnInvalid, read_inputs, real_rows
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.lens.invariance_algebra import InvarianceAlgebra

__all__ = ["AlgebraModel"]

Array = npt.NDArray[Any]


class AlgebraModel(FittedModel):
    """Coordinates in which the group of an InvarianceAlgebra is one of rotations, and its moves.

    Args:
        module: the trained model.
        batch_size: samples worked through at once.
    """

    module: InvarianceAlgebra

    @property
    def code_names(self) -> list[str]:
        """``representation_0``, …: names of the columns that ``transform`` gives."""
        return [f"representation_{i}" for i in range(self.module.dim)]

    @property
    def generators(self) -> Array:
        """X_1 … X_g ``(g, d, d)`` float64, in standard units: a sample x moves to exp(t X) x."""
        found: Array = self.module.generators().detach().double().cpu().numpy()
        return found

    def transform(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Whitened samples ``(N, d)`` float32, which the group turns.

        Arguments and errors are those of ``FittedModel.transform``.
        """
        return self._each(x, lambda part: self.module.whitened(part).float(), on_invalid)

    def inverse_transform(self, codes: Any) -> Array:
        """Samples ``(N, d)`` float64 in the user's units of whitened ones ``(N, d)``."""
        found = torch.from_numpy(real_rows(codes, self.module.dim, "codes"))
        with torch.inference_mode():
            x = torch.linalg.solve(self.module.whiten.double().cpu(), found.T).T
        return from_standard(x.numpy(), self.data.extra)

    def move(self, x: Any, t: Any) -> Array:
        """Samples moved by exp(Σ t_j X_j), in the user's units.

        Args:
            x: ``(N, d)``.
            t: g real numbers, one a generator.

        Returns:
            ``(N, d)`` float64.

        Raises:
            ValueError: for samples that cannot be used, or another number of amounts.
        """
        inputs = read_inputs(x, self.data)
        rows = inputs.usable("raise")
        amounts, count = np.asarray(t, float), int(self.module.count)
        if amounts.shape != (count,) or not np.isfinite(amounts).all():
            raise ValueError(f"t must be {count} real numbers, one a generator, got {t!r}")
        every = self._placed(torch.from_numpy(amounts))

        def moved(part: slice) -> Tensor:
            return self.module.transform(self._batch(inputs, rows[part]), every)

        return from_standard(self._batched(len(rows), moved).astype(float), self.data.extra)
