"""How many images a classifier tells right: as they are, turned, shifted, and with noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Evaluator, Stage
from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.groups.base import without_autocast
from symmetry_pl.metrics.class_sums import class_figures, class_sums
from symmetry_pl.sgm.augmentation import hand_chosen

__all__ = ["PoseEvaluator"]

_SEED = 77
_SHIFT = 0.25  # of half the image
_NOISE = 0.4  # standard deviation in [−1, 1]: .2 of black to white
_MOVES = {
    "_rotated": hand_chosen({"rotation": math.pi}),
    "_moved": hand_chosen({"x-shift": _SHIFT, "y-shift": _SHIFT, "rotation": math.pi}),
}


class PoseEvaluator(Evaluator):
    """``accuracy``, ``cross_entropy``, the objective, and in a test accuracies of moved images.

    ``accuracy_rotated``: turned by any angle; ``accuracy_moved``: also shifted by up to a quarter
    of half the image's size; each, and upright images, once more with white noise of a standard
    deviation of .2 of the range, clipped (``…_noisy``). What is drawn for an image depends on its
    place in the set alone.
    """

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add a batch."""
        x, labels = batch[0], batch[1][:, 0].long()
        told = self._versions(x, stage.places) if stage.name == "test" else iter([("", x)])
        for name, seen in told:
            self.sum_up(name, class_sums(model.logits(seen), labels))

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """Shares over all images and processes."""
        found = {name: class_figures(self.total(name)) for name in self._sums}
        entropy = found[""]["cross_entropy"]
        shares = {f"accuracy{name}": figures["accuracy"] for name, figures in found.items()}
        return {**shares, "cross_entropy": entropy, "objective": entropy}

    def _versions(self, x: Tensor, places: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Images by the ending of their figure."""
        where = places.cpu().numpy()
        for stream, name in enumerate(("", *_MOVES)):
            moved = x
            if name:
                group = _MOVES[name]
                uniform = torch.from_numpy(counter_uniform(_SEED, stream, where, group.dim))
                with without_autocast(x):
                    element = group.element(group.from_uniform(uniform.to(x)))
                    moved = group.apply(element, x).clamp(-1, 1)
            yield name, moved
            drawn = counter_uniform(_SEED + 1, stream, where, x[0].numel())
            noise = torch.special.ndtri(torch.from_numpy(drawn)).to(x).view_as(x)
            yield f"{name}_noisy", (moved + _NOISE * noise).clamp(-1, 1)
