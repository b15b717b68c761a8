"""SGM in scikit-learn's manner: a transformer of images to their prototypes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted, validate_data

from symmetry_pl.datamodules.images.images import ImagesDataModule
from symmetry_pl.estimators.base import Recipe, SymmetryEstimator
from symmetry_pl.sgm.sgm import SGM

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

__all__ = ["SGMEstimator"]

Array = npt.NDArray[Any]

_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "inference": "frame",
        "inference_options": {"widths": [256, 128]},
        "generative_options": {
            "encoder": "conv",
            "widths": [256, 128],
            "hidden": [128],
            "scale": "data",
            "dropout": 0.05,
        },
        "copies": 2,
        "spread": None,
        "invertibility": 0,
        "phases": {"ssl": "33.33 %"},
        "players": {
            "inference": {"lr": 1e-3, "warmup": "5 %", "start": 0.02, "clip_norm": 1},
            "flow": {"lr": 2e-3},
        },
    }
)
"""Those of configs/sgm/mnist_affine.yaml; two epochs of six are a third."""

_GROUP_OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"affine": {"bounds": [0.25, 0.25, 3.14159265, 0.25, 0.25, 0.25], "chart": "polar"}}
)


class SGMEstimator(SymmetryEstimator):
    """Prototypes of images: the same for all shifted, turned, … copies of an image.

    ``transform`` gives the prototypes, ``elements`` the transformations from prototype to image,
    ``inverse_transform`` makes images of both, and ``resample`` moves images along their orbits.
    ``score`` is minus the spread of the prototypes of copies: 0 is perfect. ``fit`` is
    ``symmetry fit`` in memory: same module, same data, same trainer.

    Images are arrays ``(N, H, W)`` or ``(N, H, W, C)``; or rows ``(N, H · W · C)`` with
    ``image_shape``, as other steps of a Pipeline have them, which come back as rows.

    Args:
        group: ``affine``, ``color``, ``affine_color``, or one of your own; see ``SGM``.
        group_options: its options, the bounds of random copies among them; None for those of the
            recommended config, of ``affine``.
        image_shape: ``(H, W)`` or ``(H, W, C)`` of rows; None for images.
        value_range: the values that are black and white; None for 0 and 255 of bytes, 0 and 1 of
            others.
        invert: swap black and white, for dark shapes on a bright ground.
        model_options: options of ``SGM`` over those of the recommended config.
        max_epochs: passes over the training images; None for as many batches as the recommended
            config takes, 1,170.
        batch_size: images a batch; None for 256, or all training images where they are fewer.
        val_fraction: share of the images that is held out of training.
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        n_jobs: CPU threads of torch while fitting; None leaves them as they are.
        random_state: seed, or a generator to draw it from; None for NumPy's own.
        verbose: 1 shows a progress bar, 2 the figures of validations, too.

    Attributes:
        model_: what ``symmetry_pl.load`` gives of a checkpoint.

    Examples:
        >>> from sklearn.datasets import load_digits
        >>> from symmetry_pl import SGMEstimator
        >>> x = load_digits().images[:200]
        >>> sgm = SGMEstimator(value_range=(0, 16), max_epochs=2, batch_size=60).fit(x)
        >>> sgm.transform(x).shape, sgm.elements(x).shape, sgm.resample(x[:5]).shape
        ((200, 8, 8), (200, 6), (5, 8, 8))
    """

    _recipe = Recipe(steps=1170, batch_size=256)

    def __init__(
        self,
        group: str = "affine",
        *,
        group_options: dict[str, Any] | None = None,
        image_shape: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
        invert: bool = False,
        model_options: dict[str, Any] | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        val_fraction: float = 0.1,
        accelerator: str = "auto",
        n_jobs: int | None = 1,
        random_state: Any = 0,
        verbose: int = 0,
    ) -> None:
        self.group = group
        self.group_options = group_options
        self.image_shape = image_shape
        self.value_range = value_range
        self.invert = invert
        self.model_options = model_options
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.accelerator = accelerator
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:
        """Train on images.

        Args:
            X: images, or rows with ``image_shape``.
            y: not used.

        Raises:
            ValueError: for data or options that cannot be used, in one sentence.
        """
        images = self._images(X, reset=True)

        def data(batch_size: int) -> ImagesDataModule:
            return ImagesDataModule.from_arrays(
                images,
                batch_size=batch_size,
                value_range=None if self.value_range is None else list(self.value_range),
                invert=self.invert,
                val_fraction=self.val_fraction,
                test_fraction=0.0,
            )

        def build() -> SGM:
            own = self.group_options or dict(_GROUP_OPTIONS.get(self.group, {}))
            named = {"group": self.group, "group_options": own}
            return SGM(**{**named, **_OPTIONS, **(self.model_options or {})})

        return self._fit_module(build, data, self._train_rows(len(images)))

    def elements(self, X: npt.ArrayLike) -> Array:
        """η ``(N, dim)`` float32; see ``PrototypeModel.elements``."""
        found: Array = self._fitted.elements(self._checked(X))
        return found

    def transform(self, X: npt.ArrayLike) -> Array:
        """Prototypes float32, of the shape of X; see ``PrototypeModel``."""
        return self._as_given(super().transform(X))

    def inverse_transform(self, X: npt.ArrayLike, elements: Any = None) -> Array:
        """Images of prototypes and transformations; see ``PrototypeModel.inverse_transform``.

        Raises:
            ValueError: without elements: a prototype is all images of an orbit.
        """
        check_is_fitted(self)
        if elements is None:
            raise ValueError(
                "a prototype is that of a whole orbit: give elements, as elements(X) tells them, "
                "or draw some with resample"
            )
        images = self._shaped(np.asarray(X))
        return self._as_given(self._fitted.inverse_transform(images, elements))

    def resample(self, X: npt.ArrayLike, seed: int = 0) -> Array:
        """Images moved along their orbits to where the data might have them."""
        return self._as_given(self._fitted.resample(self._checked(X), seed))

    def score(self, X: npt.ArrayLike, y: Any = None) -> float:
        """Minus the spread of the prototypes of random copies; 0 is perfect."""
        return -float(self._fitted.spread(self._checked(X)))

    # -- rows and images -------------------------------------------------------------------------

    def _checked(self, x: npt.ArrayLike) -> Array:
        check_is_fitted(self)
        return self._images(x, reset=False)

    def _images(self, x: npt.ArrayLike, reset: bool) -> Array:
        """Images of images, or of rows."""
        if self.image_shape is None:
            return np.asarray(x)
        return self._shaped(validate_data(self, x, dtype="numeric", reset=reset))

    def _shaped(self, x: Array) -> Array:
        if self.image_shape is None:
            return x
        shape, pixels = tuple(self.image_shape), int(np.prod(self.image_shape))
        if x.ndim != 2 or x.shape[1] != pixels:
            raise ValueError(
                f"rows of image_shape {shape} have {pixels} columns, got an array of shape "
                f"{x.shape}"
            )
        return x.reshape(len(x), *shape)

    def _as_given(self, images: Array) -> Array:
        return images if self.image_shape is None else images.reshape(len(images), -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = self.image_shape is None
        return tags
