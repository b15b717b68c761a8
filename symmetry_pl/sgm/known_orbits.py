"""What an SGM that no longer learns says of training images, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.sgm.prototype_module import PrototypeModule

__all__ = ["KnownOrbits", "Orbit", "orbit_of", "orbit_of_copies"]

_CHUNK = 1000
_SEED = 0xC0B1
_MOST = 200_000  # images that are remembered: 200 MB of 256 features each


@dataclass(frozen=True)
class Orbit:
    """Where images stand on their orbits.

    Attributes:
        element: f(x), ``(B, …)``.
        features: of the prototypes, which p(η | x̂) is conditioned by, ``(B, h)``.
    """

    element: Tensor
    features: Tensor


@torch.no_grad()
def orbit_of(sgm: PrototypeModule, x: Tensor) -> Orbit:
    """What the SGM says of images ``(B, C, H, W)``."""
    prototypes, element = sgm.canonicalise(x)
    return Orbit(element, sgm.generative(prototypes))


@torch.no_grad()
def orbit_of_copies(sgm: PrototypeModule, x: Tensor, rows: Tensor, copy: int) -> Orbit:
    """The same as the SGM finds it from moved copies, the frame's own mistakes with it.

    A copy T_h(x) has the element g, so that x = T_h⁻¹ T_g of the copy's prototype.

    Args:
        sgm: in evaluation mode.
        x: images ``(B, C, H, W)``.
        rows: their numbers ``(B,)``, which decide h, uniform within the bounds of the group.
        copy: which copy, 1 or more; others have other h.
    """
    group = sgm.group
    uniform = torch.from_numpy(counter_uniform(_SEED, copy, rows.cpu().numpy(), group.dim))
    h = group.element(group.from_uniform(uniform.to(x)))
    found = orbit_of(sgm, group.apply(h, x))
    return Orbit(group.compose(found.element, group.inverse(h)), found.features)


class KnownOrbits:
    """The orbits of a whole set by row number, in the order of the set and single precision.

    Args:
        sgm: in evaluation mode.
        images: a set that gives batches ``(x, y, row)``; at most 200,000 images.
        device: where they are kept.
        copy: 0 for the images themselves; else as of ``orbit_of_copies``.
    """

    def __init__(
        self, sgm: PrototypeModule, images: Any, device: torch.device, copy: int = 0
    ) -> None:
        elements, features, rows = [], [], []
        for start in range(0, len(images), _CHUNK):
            batch = images.__getitems__(range(start, min(start + _CHUNK, len(images))))
            x = batch[0].to(device, sgm.dtype)
            found = orbit_of_copies(sgm, x, batch[2], copy) if copy else orbit_of(sgm, x)
            elements.append(found.element)
            features.append(found.features)
            rows.append(batch[2])
        self._all = Orbit(torch.cat(elements), torch.cat(features))
        row = torch.cat(rows).to(device)
        self._place = torch.zeros(int(row.max()) + 1, dtype=torch.int64, device=device)
        self._place[row] = torch.arange(len(row), device=device)

    def __call__(self, rows: Tensor) -> Orbit:
        """Those of images of these row numbers ``(B,)``."""
        place = self._place[rows]
        return Orbit(self._all.element[place], self._all.features[place])

    @staticmethod
    def of_training(sgm: PrototypeModule, trainer: Any, copy: int = 0) -> KnownOrbits | None:
        """Those of a trainer's training set; None where rows have no numbers, or are too many."""
        source = getattr(trainer, "datamodule", None)
        images = None if source is None else source.split("train")
        if images is None or not hasattr(images, "rows") or len(images) > _MOST:
            return None
        return KnownOrbits(sgm, images, sgm.device, copy)
