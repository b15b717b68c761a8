"""SymmetryLens in scikit-learn's manner: a transformer to where a hidden symmetry is a shift."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import validate_data

from symmetry_pl.datamodules.vectors.arrays import ArrayDataModule
from symmetry_pl.estimators.base import Recipe, SymmetryEstimator
from symmetry_pl.lens.symmetry_lens import SymmetryLens

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["SymmetryLensEstimator"]

Array = npt.NDArray[Any]

_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "hidden": 64,
        "conditional_rows": 20,
        "phases": {"estimate": "50 %"},
        "players": {"symmetry": {"lr": 5e-5}, "densities": {"lr": 4e-3}},
    }
)
"""Those of configs/lens/gaussian.yaml."""


class SymmetryLensEstimator(SymmetryEstimator):
    """The generator of a hidden one-parameter symmetry of plain vectors, and what it shifts.

    ``transform`` gives the symmetry-based representation, ``inverse_transform`` gives x back, and
    ``move`` moves x along the symmetry. ``score`` is minus the loss in nats. ``fit`` is
    ``symmetry fit`` in memory: same module, same data, same trainer.

    Args:
        topology: whether the hidden positions are a ``chain`` or a ``ring``; with ``auto`` the warm
            start says which.
        model_options: options of ``SymmetryLens`` over those of the recommended config.
        max_epochs: passes over the training rows; None for as many batches as the recommended
            config takes, 240.
        batch_size: rows a batch; None for 2,000, or all training rows where they are fewer.
        val_fraction: share of the rows that is held out of training.
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        n_jobs: CPU threads of torch while fitting; None leaves them as they are.
        random_state: seed, or a generator to draw it from; None for NumPy's own.
        verbose: 1 shows a progress bar, 2 the figures of validations, too.

    Attributes:
        model_: what ``symmetry_pl.load`` gives of a checkpoint.
        generator_: G ``(d, d)``: a sample in standard units moves by one position to G x.
        topology_: ``chain`` or ``ring``.
        confidence_: of the warm start, 0 … 1; NaN without one.
        n_features_in_: columns of x.
        feature_names_in_: their names, where a data frame was fitted.

    Examples:
        >>> import numpy as np
        >>> from symmetry_pl import SymmetryLensEstimator
        >>> rng = np.random.default_rng(0)  # a bump somewhere along 5 numbers
        >>> place, height = rng.uniform(-3, 7, (2000, 1)), rng.normal(size=(2000, 1))
        >>> x = height * np.exp(-((np.arange(5) - place) ** 2) / 2)
        >>> moved = SymmetryLensEstimator(max_epochs=1).fit(x).move(x, 1.0)
        >>> bool(max(np.corrcoef(moved[:, 2], x[:, i])[0, 1] for i in (1, 3)) > 0.9)
        True
    """

    _recipe = Recipe(steps=240, batch_size=2000)

    def __init__(
        self,
        topology: Literal["auto", "chain", "ring"] = "auto",
        *,
        model_options: dict[str, Any] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        val_fraction: float = 0.1,
        accelerator: str = "auto",
        n_jobs: int | None = 1,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.topology = topology
        self.model_options = model_options
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.accelerator = accelerator
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:
        """Train on rows.

        Args:
            X: ``(N, d)``, d at least 3, of full rank.
            y: not used.

        Raises:
            ValueError: for data or options that cannot be used, in one sentence.
        """
        x = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            ensure_min_samples=2,
            ensure_min_features=3,
        )

        def data(batch_size: int) -> ArrayDataModule:
            return ArrayDataModule.from_arrays(
                x,
                batch_size=batch_size,
                val_fraction=self.val_fraction,
                test_fraction=0.0,
            )

        def build() -> SymmetryLens:
            return SymmetryLens(self.topology, **{**_OPTIONS, **(self.model_options or {})})

        return self._fit_module(build, data, self._train_rows(len(x)))

    @property
    def generator_(self) -> Array:
        """G ``(d, d)`` float64."""
        found: Array = self._fitted.generator
        return found

    @property
    def topology_(self) -> str:
        """``chain`` or ``ring``."""
        return str(self._fitted.module.topology)

    @property
    def confidence_(self) -> float:
        """Of the warm start."""
        return float(self._fitted.module.confidence)

    def move(self, X: npt.ArrayLike, t: Any) -> Array:
        """Rows moved by ``t`` positions along the symmetry; see ``GeneratorModel.move``."""
        found: Array = self._fitted.move(self._checked(X), t)
        return found

    def score(self, X: npt.ArrayLike, y: Any = None) -> float:
        """Minus the loss of these rows in nats: what ``best.ckpt`` minimises; more is better."""
        return -float(self._fitted.loss(self._checked(X)))
