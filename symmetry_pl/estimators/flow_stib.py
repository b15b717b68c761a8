"""FlowSTIB in scikit-learn's manner: a regressor that also splits x by what it tells of y."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from symmetry_pl.datamodules.vectors.table import TableDataModule
from symmetry_pl.estimators.base import Recipe, SymmetryEstimator
from symmetry_pl.stib.flow_stib import FlowSTIB

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["FlowSTIBEstimator"]

Array = npt.NDArray[Any]


class FlowSTIBEstimator(RegressorMixin, SymmetryEstimator):  # type: ignore[misc]
    """An invertible map x ↔ (z1, z0): z1 predicts y, and z0 is free of it.

    ``predict`` gives y and ``score`` its R², ``transform`` gives the codes [z1, z0],
    ``inverse_transform`` gives x back, exactly, and ``generate`` new x whose y stays. ``fit`` is
    ``symmetry fit`` in memory: same module, same data, same trainer.

    Args:
        z1_dim: columns of z1, of which x must have more; None for one a target.
        model_options: further options of ``FlowSTIB``, such as ``{"y_weight": 10.0}``; what is left
            out follows the data.
        max_epochs: epochs at most; None for as many batches as the recommended config takes, 1,200.
            Training stops before where the validation rows say so.
        batch_size: rows a batch; None for 512.
        samples_per_epoch: rows that count as one epoch, however many there are; None for one pass.
        val_fraction: share of the rows that is held out to choose the weights by.
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        n_jobs: CPU threads of torch while fitting; None leaves them as they are.
        random_state: seed, or a generator to draw it from; None for NumPy's own.
        verbose: 1 shows a progress bar, 2 the figures of validations, too.

    Attributes:
        model_: what ``symmetry_pl.load`` gives of a checkpoint; the LightningModule is its
            ``module``.
        n_features_in_: columns of x.
        feature_names_in_: their names, where a data frame was fitted.

    Examples:
        >>> import numpy as np
        >>> from symmetry_pl import FlowSTIBEstimator
        >>> x = np.random.default_rng(0).normal(size=(400, 2))
        >>> stib = FlowSTIBEstimator(max_epochs=1).fit(x, x[:, 0] + x[:, 1])
        >>> stib.score(x, x[:, 0] + x[:, 1]) > 0.9
        True
        >>> bool(np.allclose(stib.inverse_transform(stib.transform(x)), x, atol=1e-3))
        True
        >>> new = stib.generate(50, like=x[0])  # its y stays, the rest moves
    """

    _recipe = Recipe(steps=2400, batch_size=512)
    _validates = True

    def __init__(
        self,
        z1_dim: int | None = None,
        *,
        model_options: dict[str, Any] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        samples_per_epoch: int | None = 51_200,
        val_fraction: float = 0.1,
        accelerator: str = "auto",
        n_jobs: int | None = 1,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.z1_dim = z1_dim
        self.model_options = model_options
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.samples_per_epoch = samples_per_epoch
        self.val_fraction = val_fraction
        self.accelerator = accelerator
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Train on rows.

        Args:
            X: ``(N, d)``, d above ``z1_dim``.
            y: ``(N,)`` or ``(N, t)``.

        Raises:
            ValueError: for data or options that cannot be used, in one sentence.
        """
        x, targets = validate_data(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=2,
            ensure_min_features=2,
        )
        self._y_ndim = targets.ndim
        name = getattr(y, "name", None)  # of a column of a data frame
        names = list(map(str, getattr(y, "columns", [] if name is None else [name])))

        def data(batch_size: int) -> TableDataModule:
            return TableDataModule.from_arrays(
                x,
                targets,
                names,
                columns=list(getattr(self, "feature_names_in_", [])),
                samples_per_epoch=self.samples_per_epoch,
                batch_size=batch_size,
                val_fraction=self.val_fraction,
                test_fraction=0.0,
            )

        def build() -> FlowSTIB:
            return FlowSTIB(**{"z1_dim": self.z1_dim, **(self.model_options or {})})

        return self._fit_module(build, data, self.samples_per_epoch or self._train_rows(len(x)))

    def predict(self, X: npt.ArrayLike) -> Array:
        """Targets ``(N,)`` or ``(N, t)``, as they were fitted, float64."""
        found: Array = self._fitted.predict(self._checked(X))
        return found[:, 0] if self._y_ndim == 1 else found

    def generate(self, n: int = 100, **options: Any) -> Array:
        """New rows ``(n, d)`` with one z1 and many z0; see ``InvarianceModel.generate``.

        Args:
            n: how many.
            options: ``like``, a row whose y stays, or ``fixed``, targets by name (``y0``, …).
        """
        found: Array = self._fitted.generate(n, **options)
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # of the checks' few rows in their few epochs
        return tags
