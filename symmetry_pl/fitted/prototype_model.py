"""A trained canonicaliser of images, or of clouds of points, on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.datamodules.vectors.vector_data import normal_noise
from symmetry_pl.fitted.inputs import OnInvalid, image_options, read_inputs, real_rows
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["PrototypeModel"]

Array = npt.NDArray[Any]


class PrototypeModel(FittedModel):
    r"""A trained SGM: prototypes of images, the elements between them, and draws of an orbit.

    .. math:: x = T_\eta(\hat x)

    ``transform`` gives the prototypes x̂, as a canonicaliser does, ``elements`` gives η, and
    ``inverse_transform`` makes x of both. Images come back as float32 ``(N, H, W)``, with colours
    ``(N, H, W, 3)``: from 0 for black to 1 for white, or in the ``value_range`` of the training
    data. Warps are bicubic: sharp edges overshoot this range a bit. Clouds are ``(N, n, d)`` in the
    units that the model was trained in (centred, and scaled, where these were).

    Args:
        module: the trained model.
        batch_size: samples worked through at once.
    """

    module: PrototypeModule

    @property
    def element_names(self) -> tuple[str, ...]:
        """Names of the columns that ``elements`` gives."""
        return self.module.group.names

    @property
    def code_names(self) -> list[str]:
        """``pixel_0``, …: the pixels of a prototype, or its coordinates, row by row."""
        what = "coordinate" if self.data.kind == "cloud" else "pixel"
        return [f"{what}_{i}" for i in range(int(np.prod(self.data.x_shape)))]

    def transform(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Prototypes ``(N, H, W)`` or ``(N, H, W, 3)``: of all copies of an image the same one.

        Arguments and errors are those of ``FittedModel.transform``.
        """
        return self._shown(self._each(x, lambda p: self.module.canonicalise(p)[0], on_invalid))

    def elements(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """η ``(N, dim)`` float32: the transformation from an image's prototype to the image.

        Arguments and errors are those of ``FittedModel.transform``.
        """
        module = self.module
        return self._each(
            x, lambda part: module.coordinates(module.inference(part)).float(), on_invalid
        )

    def log_prob(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """The score log p(η | x̂) ``(N,)`` float32 in nats: how usual an image's transformation is.

        Arguments and errors are those of ``FittedModel.transform``.
        """
        self._check_flow()

        def score(part: Tensor) -> Tensor:
            prototypes, element = self.module.canonicalise(part)
            eta = self.module.coordinates(element)
            return self.module.generative.log_prob(eta, prototypes).float()

        return self._each(x, score, on_invalid)

    def inverse_transform(self, prototypes: Any, elements: Any) -> Array:
        """Images of prototypes under given transformations.

        Args:
            prototypes: as ``transform`` gives them.
            elements: η ``(N, dim)``, as ``elements`` gives them, or others.

        Raises:
            ValueError: for another shape, or unequal numbers of rows.
        """
        group = self.module.group
        eta = real_rows(elements, group.dim, "elements")
        images = self._hidden(prototypes, "prototypes")
        if len(eta) != len(images) or not len(eta):
            raise ValueError(f"there are {len(images)} prototypes and {len(eta)} elements")

        def act(part: slice) -> Tensor:
            element = group.element(self._placed(torch.from_numpy(eta[part])))
            return group.apply(element, self._placed(torch.from_numpy(images[part])))

        return self._shown(self._batched(len(images), act))

    def resample(self, x: Any, seed: int = 0) -> Array:
        """Each image moved along its orbit, to where the data might have it.

        Args:
            x: images ``(N, H, W)`` or ``(N, H, W, C)``.
            seed: of the draws; that of an image depends on its place alone.

        Returns:
            As many images.

        Raises:
            ValueError: for images that cannot be used, or before p(η | x̂) was learned.
        """
        self._check_flow()
        inputs = read_inputs(x, self.data)
        rows = inputs.usable("raise")
        noise = torch.from_numpy(normal_noise(seed, 0, rows, self.module.noise_dim))

        def draw(part: slice) -> Tensor:
            batch = self._batch(inputs, rows[part])
            return self.module.resample(batch, noise[part].to(batch))[0]

        return self._shown(self._batched(len(rows), draw))

    def generate(self, n: int = 100, *, like: Any = None, seed: int = 0) -> Array:
        """Images of the orbit of one, as the data would have them.

        Args:
            n: how many.
            like: the image, ``(H, W)`` or ``(H, W, C)``.
            seed: of the draws.

        Raises:
            ValueError: without an image, or as ``resample``.
        """
        if like is None or n < 1:
            self._refuse("draws images of the orbit of one: give n above 0 and like, an image")
        image = np.asarray(like)
        return self.resample(np.broadcast_to(image, (n, *image.shape)), seed)

    def spread(self, x: Any) -> float:
        """How unequal the prototypes of random copies of images are; 0 is perfect.

        See ``metrics.prototypes``; it is the figure ``prototype_spread`` of a validation.
        """
        return self._figures(x)["prototype_spread"]

    def _check_flow(self) -> None:
        if not self.module.fitted:
            self._refuse(
                "without its second phase has no p(η | x̂): train longer than the phase ssl"
            )

    def _shown(self, images: Array) -> Array:
        """Images ``(N, C, H, W)`` in [−1, 1] in the units and the form of the user's."""
        x: Array = np.asarray(images, np.float32)
        if self.data.kind == "cloud":
            return x
        if self.data.extra.get("invert"):
            x = -x
        low, high = image_options(self.data)[0] or (0.0, 1.0)
        x = low + (x + 1) / 2 * (high - low)
        shown: Array = x[:, 0] if x.shape[1] == 1 else np.moveaxis(x, 1, 3)
        return shown

    def _hidden(self, shown: Any, name: str) -> Array:
        """Images in [−1, 1] of what ``_shown`` gave, which warps may have moved a bit beyond."""
        if self.data.kind == "cloud":
            clouds: Array = np.asarray(shown, np.float64)
            if clouds.shape[1:] != tuple(self.data.x_shape):
                raise ValueError(
                    f"{name} must be clouds (N, {self.data.x_shape[0]}, {self.data.x_shape[1]}), "
                    f"got {clouds.shape}"
                )
            return clouds
        x, (channels, height, width) = np.asarray(shown), self.data.x_shape
        form = (height, width) if channels == 1 else (height, width, channels)
        if x.dtype.kind != "f" or x.shape[1:] != form or not np.isfinite(x).all():
            raise ValueError(
                f"{name} must be finite floats (N, {', '.join(map(str, form))}) as transform gives "
                f"them, got {x.dtype} of shape {x.shape}"
            )
        x = x[:, None] if channels == 1 else np.moveaxis(x, 3, 1)
        low, high = image_options(self.data)[0] or (0.0, 1.0)
        hidden: Array = 2 * (x.astype(np.float64) - low) / (high - low) - 1
        return -hidden if self.data.extra.get("invert") else hidden
