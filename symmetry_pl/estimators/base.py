"""What the estimators share: a fit that leaves a checkpoint in memory, and how that is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.checkpoint import Checkpoint
from symmetry_pl.core.files import atomic_file
from symmetry_pl.datamodules.base import SymmetryDataModule
from symmetry_pl.fitted.loading import fitted_model
from symmetry_pl.training.in_memory import trained

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["Recipe", "SymmetryEstimator"]

Array = npt.NDArray[Any]

_SEEDS = 2**31


class Recipe(NamedTuple):
    """How long a recommended config trains.

    Args:
        steps: batches in all.
        batch_size: samples a batch, of a training set that has so many.
    """

    steps: int
    batch_size: int

    def for_rows(self, rows: int, batch_size: int | None, epochs: int | None) -> tuple[int, int]:
        """Batch size and epochs for so many training rows, where a user has not said.

        >>> Recipe(1000, 64).for_rows(640, None, None), Recipe(1000, 64).for_rows(20, None, 3)
        ((64, 100), (20, 3))
        """
        size = max(1, min(self.batch_size, rows)) if batch_size is None else batch_size
        return size, epochs or max(1, round(self.steps / max(1, rows // max(1, size))))


class SymmetryEstimator(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the estimators in scikit-learn's manner.

    ``fit`` is ``symmetry fit`` in memory: the same module, datamodule and trainer, no file, and no
    state of the process changed. Afterwards ``model_`` is what ``symmetry_pl.load`` gives, and a
    pickle or a copy holds the checkpoint. Subclasses list their parameters in ``__init__``, among
    them those that this class reads: ``max_epochs``, ``batch_size``, ``val_fraction``,
    ``accelerator``, ``n_jobs``, ``random_state`` and ``verbose``.
    """

    _recipe: Recipe
    _validates = False

    def _fit_module(
        self,
        build: Callable[[], SymmetryModule],
        data: Callable[[int], SymmetryDataModule],
        rows: int,
    ) -> Self:
        """Train on data of a batch size, of which so many rows make an epoch."""
        if self.max_epochs is not None and self.max_epochs < 1:
            raise ValueError(f"max_epochs must be at least 1, got {self.max_epochs}")
        size, epochs = self._recipe.for_rows(rows, self.batch_size, self.max_epochs)
        content = trained(
            lambda: _built(build),
            data(size),
            max_epochs=epochs,
            seed=self._seed(),
            verbose=int(self.verbose),
            threads=None if self.n_jobs is None else effective_n_jobs(self.n_jobs),
            accelerator=self.accelerator,
            validate=self._validates,
        )
        self._take(content)
        return self

    def _seed(self) -> int:
        """An integer as it is; of a generator, or of NumPy's own for None, the next number."""
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(_SEEDS))

    def _train_rows(self, count: int) -> int:
        """How many of so many rows are not held out; see ``random_split``."""
        return int(count - round(self.val_fraction * count))

    # -- what all of them can do -----------------------------------------------------------------

    def transform(self, X: npt.ArrayLike) -> Array:
        """Codes of rows, float32; ``get_feature_names_out`` names their columns.

        Raises:
            NotFittedError: before ``fit``.
            ValueError: for rows that cannot be used.
        """
        found: Array = self._fitted.transform(self._checked(X))
        return found

    def inverse_transform(self, X: npt.ArrayLike) -> Array:
        """Rows of codes, in the units that were fitted.

        Raises:
            NotFittedError: before ``fit``.
            ValueError: for codes that cannot be used.
        """
        found: Array = self._fitted.inverse_transform(X)
        return found

    @property
    def _fitted(self) -> Any:
        """``model_``, or that there is none yet."""
        check_is_fitted(self)
        return self.model_

    def _checked(self, x: npt.ArrayLike) -> Array:
        """Rows as they were fitted."""
        check_is_fitted(self)
        found: Array = validate_data(self, x, dtype=[np.float64, np.float32], reset=False)
        return found

    # -- the checkpoint --------------------------------------------------------------------------

    def _take(self, content: bytes) -> None:
        checkpoint = Checkpoint.of_bytes(content, f"of the {type(self).__name__}", "checkpoint")
        self._checkpoint = content
        self.model_ = fitted_model(checkpoint.model())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "model_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_checkpoint" in state:
            self._take(state["_checkpoint"])

    def save(self, path: Path | str) -> None:
        """Write the checkpoint, which ``symmetry_pl.load`` and ``symmetry predict`` read.

        Raises:
            NotFittedError: before ``fit``.
        """
        check_is_fitted(self)
        with atomic_file(path) as file:
            file.write(self._checkpoint)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names of the columns that ``transform`` gives.

        Raises:
            NotFittedError: before ``fit``.
        """
        return np.array(self._fitted.code_names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # codes are float32
        return tags


def _built(build: Callable[[], SymmetryModule]) -> SymmetryModule:
    """The module, or what its options lack in one sentence."""
    try:
        return build()
    except TypeError as error:  # of an option that there is not
        raise ValueError(f"model_options: {error}") from error
