"""A trained model that takes and gives NumPy arrays: what all families share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core import DataDescription, Stage, SymmetryModule
from symmetry_pl.fitted.inputs import Inputs, OnInvalid, read_inputs

__all__ = ["FittedModel"]

Array = npt.NDArray[Any]

_BATCH = 1000


class FittedModel:
    """A trained model that takes and gives NumPy arrays, in the units of the user's data.

    It needs no trainer and writes nothing. Samples are worked through in batches, in the order
    given, without noise and without gradients, in the precision of the weights: float32 whatever
    lower precision they were trained in. Results are those of ``symmetry predict``; codes are
    float32, predictions and inputs that are given back float64.

    What a method has no answer to is a ``ValueError`` of one sentence.

    Args:
        module: the trained model, which stays reachable; ``module.to(device)`` moves the work.
        batch_size: samples worked through at once.

    Raises:
        ValueError: if the model does not know its data.
    """

    def __init__(self, module: SymmetryModule, batch_size: int = _BATCH) -> None:
        if module.data is None:
            raise ValueError(
                f"the {type(module).__name__} was trained on plain loaders, and knows neither "
                "names nor units of its data: train it with a datamodule"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.module = module.eval()
        self.data: DataDescription = module.data
        self.batch_size = batch_size

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the columns that ``predict`` gives."""
        return self.data.target_names

    @property
    def target_units(self) -> tuple[str, ...]:
        """Unit of each; empty where it has none."""
        return self.data.target_units or ("",) * len(self.target_names)

    @property
    def code_names(self) -> list[str]:
        """Names of the columns that ``transform`` gives."""
        self._refuse("has no codes")

    def predict(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Targets ``(N, t)`` float64, in their own units.

        Args:
            x: vectors ``(N, d)`` or a data frame, images ``(N, H, W)`` or ``(N, H, W, C)``, or a
                list of SMILES; in units and form of the training data.
            on_invalid: what to do about rows that cannot be used: ``raise``, naming them, or
                ``nan``, which gives them rows of NaN.

        Raises:
            ValueError: for such rows, for what is no such data, or if the method predicts nothing.
        """
        self._refuse("predicts no targets")

    def transform(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Codes of samples, float32.

        Args:
            x: as in ``predict``.
            on_invalid: as in ``predict``.

        Raises:
            ValueError: as ``predict``.
        """
        self._refuse("has no codes")

    def inverse_transform(self, *args: Any, **kwargs: Any) -> Any:
        """Samples of codes, in the units of the user's data.

        Raises:
            ValueError: for codes that cannot be used, or if the method has none.
        """
        self._refuse("has no codes")

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """New samples.

        Raises:
            ValueError: for what cannot be asked, or if the method draws none.
        """
        self._refuse("draws no samples")

    # -- batches ---------------------------------------------------------------------------------

    def _figures(self, x: Any) -> dict[str, float]:
        """What the evaluator of the method says of samples, without targets, by name."""
        inputs = read_inputs(x, self.data)
        rows = inputs.usable("raise")
        evaluator = self.module.configure_evaluator("val").to(self.module.device, self._dtype)
        evaluator.reset()
        self.module.eval()
        with torch.inference_mode():
            for index, part in enumerate(
                np.split(rows, range(self.batch_size, len(rows), self.batch_size))
            ):
                places = torch.from_numpy(part)
                batch = self._batch(inputs, part)
                none = batch.new_empty(len(part), 0)
                evaluator.update(
                    self.module, (batch, none, places), index, Stage("val", False, places=places)
                )
            found = evaluator.compute(self.module, Stage("val", False))
        return {name: float(value) for name, value in found.items()}

    def _refuse(self, what: str) -> NoReturn:
        raise ValueError(f"a {type(self.module).__name__} {what}")

    def _each(
        self, x: Any, function: Callable[[Tensor], Tensor], on_invalid: OnInvalid = "raise"
    ) -> Array:
        """What a function makes of batches of the usable rows; NaN in the place of the others."""
        inputs = read_inputs(x, self.data)
        rows = inputs.usable(on_invalid)
        if not len(rows):
            raise ValueError(f"x has no row that can be used: row 0 {inputs.bad[0]}")
        found = self._batched(len(rows), lambda part: function(self._batch(inputs, rows[part])))
        if len(rows) == inputs.count:
            return found
        whole = np.full((inputs.count, *found.shape[1:]), np.nan, found.dtype)
        whole[rows] = found
        return whole

    def _batch(self, inputs: Inputs, rows: npt.NDArray[np.int64]) -> Tensor:
        """Some rows on the device of the model, and in its type."""
        return self._placed(inputs.batch(rows))

    def _placed(self, values: Tensor) -> Tensor:
        """Numbers in the model's type, and symbols as they are, on its device."""
        if values.is_floating_point():
            return values.to(self.module.device, self._dtype)
        return values.to(self.module.device)

    @property
    def _dtype(self) -> torch.dtype:
        dtype = self.module.dtype
        assert isinstance(dtype, torch.dtype)
        return dtype

    def _batched(self, count: int, function: Callable[[slice], Tensor]) -> Array:
        """What a function makes of the slices of so many rows, one after the other."""
        parts = []
        self.module.eval()
        with torch.inference_mode():
            for start in range(0, count, self.batch_size):
                part = function(slice(start, min(count, start + self.batch_size)))
                parts.append(part.detach().cpu().numpy())
        return np.concatenate(parts)
