"""Figures of merit of prototypes and of p(η | x̂), gathered over the batches of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric

from symmetry_pl.core.noise import mix_seed
from symmetry_pl.groups import ImageGroup
from symmetry_pl.metrics.prototypes import PrototypeSpread, relative_magnitude
from symmetry_pl.sgm.inference import InferenceNetwork
from symmetry_pl.sgm.orbits import copies_of, iterated

ITERATIONS = 4
"""Elements f(x), f(x̂), … whose magnitudes are compared."""

_SEED = 20
_ALL = {"", "wide"}  # orbits of all transformations together: scored by either protocol


class PrototypeScores(nn.Module):
    """What one validation or test says of f; random copies are the same in every evaluation.

    Args:
        group: of the model.
        orbits: groups that draw copies, by name, the first of all transformations.
        size: K, copies an image.
        images: images a process and evaluation that are copied.
    """

    def __init__(
        self, group: ImageGroup, orbits: Mapping[str, ImageGroup], size: int, images: int
    ) -> None:
        super().__init__()
        self.group, self.orbits = group, dict(orbits)
        self.size, self.images = size, images
        self.spreads = nn.ModuleDict({_key(name, ""): PrototypeSpread() for name in self.orbits})
        # Warps are composed, as copies lose pixels; where composition is not exact (colours that
        # were clipped), prototypes are made of the copies.
        self.protocol = "composed" if group.exact_composition else "direct"
        self.other = "direct" if group.exact_composition else "composed"
        for name in filter(_ALL.__contains__, self.orbits):  # in one order on all processes
            for protocol in (self.other, "floor"):
                self.spreads[_key(name, protocol)] = PrototypeSpread()
        names = ["invertibility", *(f"iterate_ratio_{k}" for k in range(1, ITERATIONS))]
        self.means = nn.ModuleDict({name: MeanMetric() for name in names})
        self._seen = 0

    def reset(self) -> None:
        """Forget all batches."""
        self._seen = 0
        for metric in (*self.spreads.values(), *self.means.values()):
            cast("Metric", metric).reset()

    def update(self, infer: InferenceNetwork, x: Tensor, everything: bool) -> None:
        """Add the first images of a batch, as long as more are wanted.

        Args:
            infer: f.
            x: images ``(B, C, H, W)``.
            everything: whether each transformation is scored on its own, not only all together.
        """
        x = x[: max(0, self.images - self._seen)]
        if not len(x):
            return
        for stream, (name, orbit) in enumerate(self.orbits.items()):
            if stream and not everything:
                break
            elements = random_elements(orbit, x, self.size, stream, self._seen)
            found = copies_of(self.group, infer, x, elements)
            self._spread(name, "").update(getattr(found, self.protocol), found.copies)
            if name in _ALL:
                for protocol in (self.other, "floor"):
                    self._spread(name, protocol).update(getattr(found, protocol), found.copies)
            if stream == 0:
                self._invertibility(infer, found.copies[0])
        iterates, _ = iterated(self.group, infer, x, ITERATIONS)
        ratios = relative_magnitude(self.group, iterates)
        for k in range(1, ITERATIONS):
            self._mean(f"iterate_ratio_{k}").update(ratios[k], len(x))
        self._seen += len(x)

    def _invertibility(self, infer: InferenceNetwork, x: Tensor) -> None:
        there = infer(x)
        again = self.group.apply(self.group.inverse(there), self.group.apply(there, x))
        self._mean("invertibility").update(F.mse_loss(again, x), len(x))

    def _spread(self, name: str, protocol: str) -> PrototypeSpread:
        return cast("PrototypeSpread", self.spreads[_key(name, protocol)])

    def _mean(self, name: str) -> MeanMetric:
        return cast("MeanMetric", self.means[name])

    def compute(self) -> dict[str, Tensor]:
        """Figures by name; those of nothing seen are left out."""
        values: dict[str, Tensor] = {}
        for key in self.spreads:
            name, protocol = key.split("|")
            metric = self._spread(name, protocol)
            suffix = "".join(f"_{part}" for part in (protocol, name) if part)
            for figure, value in (metric.compute() if metric.update_called else {}).items():
                if not suffix or figure == "prototype_spread":
                    values[f"{figure}{suffix}"] = value
        means = {key: self._mean(key) for key in self.means}
        return values | {key: mean.compute() for key, mean in means.items() if mean.update_called}


def random_elements(group: ImageGroup, x: Tensor, copies: int, stream: int, place: int) -> Tensor:
    """``copies`` elements an image, copy by copy; the same for equal stream and place."""
    generator = torch.Generator().manual_seed(mix_seed(_SEED + stream, place))
    uniform = torch.rand(copies * len(x), group.dim, generator=generator, dtype=torch.float64)
    return group.element(group.from_uniform(uniform.to(x)))


def _key(name: str, protocol: str) -> str:
    return f"{name}|{protocol}"
