"""The figures of a VAE of images over one evaluation set."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Evaluator, Stage
from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.groups.base import without_autocast
from symmetry_pl.information.importance import importance_bound

__all__ = ["VAEEvaluator", "image_bounds"]

_SHOWN = 12
_SEED = 30
_PIECE = 100  # images that are bounded at once
_CHUNK = 10  # draws of each at once


class VAEEvaluator(Evaluator):
    """``elbo``, ``mse_x`` and, in a test, ``iwlb``; of an InvVAE also those of prototypes.

    Draws depend on an image's place in the set alone. The objective is −ELBO of the space that the
    model is trained in.

    Args:
        samples: K of ``iwlb``; 0 for none.
        images: images it is taken over, the first ones.
    """

    def __init__(self, samples: int, images: int) -> None:
        super().__init__()
        self.samples, self.images = samples, images

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add a batch, in the precision of its images."""
        x, places = batch[0], stage.places
        with without_autocast(x):
            self.show(_SHOWN, x=x)
            noise = _noise(places, 0, 1, model.noise_columns, x)
            weights = model.log_weights(x, noise)[0]
            for i, name in enumerate(model.bound_names):
                self._add(f"elbo{name}", weights[:, i])
            self._add("mse_x", (model.reconstruct(x) - x).square().flatten(1).mean(1))
            chosen = places < self.images
            if stage.name == "test" and self.samples and bool(chosen.any()):
                bounds = image_bounds(model, x[chosen], places[chosen], self.samples)
                for i, name in enumerate(model.bound_names):
                    self._add(f"iwlb{name}", bounds[:, i])

    def _add(self, name: str, values: Tensor) -> None:
        wide = values.double()
        self.sum_up(name, torch.stack([wide.sum(), wide.new_tensor(float(len(wide)))]))

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """Means over all images and processes."""
        values = {}
        for name in self._sums:
            total, count = self.total(name)
            values[name] = (total / count).float()
        trained = "elbo_prototype" if model.space == "prototype" else "elbo"
        return {**values, "objective": -values.get(trained, values["elbo"])}


def image_bounds(model: Any, x: Tensor, places: Tensor, samples: int) -> Tensor:
    """Importance-weighted bounds of images, ``(B, n)`` in the order of ``model.bound_names``.

    Args:
        model: an ``ImageVAE``.
        x: images ``(B, C, H, W)``.
        places: where they stand in their set ``(B,)``, which decides the draws.
        samples: K.
    """
    found = []
    for start in range(0, len(x), _PIECE):
        images, where = x[start : start + _PIECE], places[start : start + _PIECE]

        def draw(number: int, count: int, images: Tensor = images, where: Tensor = where) -> Tensor:
            noise = _noise(where, 1 + number, count, model.noise_columns, images)
            weights: Tensor = model.log_weights(images, noise)
            return weights

        found.append(importance_bound(draw, samples, _CHUNK))
    return torch.cat(found)


def _noise(places: Tensor, stream: int, copies: int, columns: int, like: Tensor) -> Tensor:
    """Standard normal ``(copies, B, columns)``, a function of places and stream."""
    drawn = counter_uniform(_SEED, stream, places.cpu().numpy(), copies * columns)
    uniform = torch.from_numpy(drawn).view(len(places), copies, columns).transpose(0, 1)
    noise: Tensor = torch.special.ndtri(uniform).to(like)
    return noise
