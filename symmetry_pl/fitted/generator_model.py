"""A trained SymmetryLens on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.vectors.scaling import from_standard
from symmetry_pl.fitted.inputs import OnInvalid, read_inputs, real_rows
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.lens.symmetry_lens import SymmetryLens

__all__ = ["GeneratorModel"]

Array = npt.NDArray[Any]

_SINGULAR = 1e6  # condition beyond which float32 codes say nothing of some direction


class GeneratorModel(FittedModel):
    """A trained SymmetryLens: the representation that its symmetry shifts, and moves along it.

    Args:
        module: the trained model.
        batch_size: samples worked through at once.
    """

    module: SymmetryLens

    @property
    def code_names(self) -> list[str]:
        """``representation_0``, …: names of the columns that ``transform`` gives."""
        return [f"representation_{i}" for i in range(self.module.dim)]

    @property
    def generator(self) -> Array:
        """G ``(d, d)`` float64: a sample x in standard units moves by one position to G x."""
        found: Array = self.module.generators()[0].detach().double().cpu().numpy()
        return found

    def transform(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """The symmetry-based representation ``(N, d)`` float32, of which the symmetry is a shift.

        Arguments and errors are those of ``FittedModel.transform``.
        """
        return self._each(x, lambda part: self.module.symmetry(part).float(), on_invalid)

    def inverse_transform(self, codes: Any) -> Array:
        """Samples ``(N, d)`` float64 in the user's units of representations ``(N, d)``.

        Raises:
            ValueError: for codes of another width, or if the representation has lost something.
        """
        symmetry = self.module.symmetry
        found = torch.from_numpy(real_rows(codes, self.module.dim, "codes"))
        with torch.inference_mode():
            lift = symmetry.lift().double().cpu()
            if not float(torch.linalg.cond(lift)) < _SINGULAR:
                self._refuse("whose lifting matrix is singular has no inverse: train it longer")
            scaled = torch.linalg.solve(lift, found.T).T
            x = scaled * symmetry.scale.double().cpu() + symmetry.shift.double().cpu()
        return from_standard(x.numpy(), self.data.extra)

    def move(self, x: Any, t: Any) -> Array:
        """Samples moved along the symmetry, in the user's units.

        Args:
            x: ``(N, d)``.
            t: how far, in positions: one real number, or one a sample ``(N,)``. What leaves a chain
                at one end leaves the sample.

        Returns:
            ``(N, d)`` float64.

        Raises:
            ValueError: for samples that cannot be used, or another number of amounts.
        """
        inputs = read_inputs(x, self.data)
        rows = inputs.usable("raise")
        amounts = np.asarray(t, float)
        if amounts.shape not in ((), (len(rows),)) or not np.isfinite(amounts).all():
            raise ValueError(f"t must be one real number or {len(rows)}, got shape {amounts.shape}")
        every = self._placed(torch.from_numpy(np.broadcast_to(amounts, (len(rows),)).copy()))

        def moved(part: slice) -> Tensor:
            return self.module.transform(self._batch(inputs, rows[part]), every[part])

        return from_standard(self._batched(len(rows), moved).astype(float), self.data.extra)

    def loss(self, x: Any) -> float:
        """The loss of samples as a whole in nats, which a validation calls ``loss``.

        Raises:
            ValueError: for samples that cannot be used, or fewer than a sample has numbers.
        """
        if len(x) < self.module.dim:
            raise ValueError(
                f"x has {len(x)} rows, and a loss that couples samples needs {self.module.dim}"
            )
        return self._figures(x)["loss"]

    def generate(self, *args: Any, **kwargs: Any) -> Array:
        """Nothing: samples are moved.

        Raises:
            ValueError: always.
        """
        self._refuse("draws no samples: move(x, t) moves those that there are")
