"""Figures of merit of prototypes and of p(η | x̂), gathered over the batches of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.groups import Group, ImageGroup
from symmetry_pl.metrics.copy_transport import CopyTransport, PrototypeRetrieval
from symmetry_pl.metrics.prototypes import PrototypeSpread, magnitude
from symmetry_pl.sgm.inference import InferenceNetwork
from symmetry_pl.sgm.orbits import Copies, carried, copies_of, iterated
from symmetry_pl.sgm.self_supervision import squared_error

ITERATIONS = 4
"""Elements f(x), f(x̂), … whose magnitudes are compared."""

_SEED = 20
_MAGNITUDE = "magnitude_{}"
_ALL = {"", "wide"}  # orbits of all transformations together: scored by either protocol


class PrototypeScores(nn.Module):
    """What one validation or test says of f; random copies are the same in every evaluation.

    Args:
        group: of the model.
        orbits: groups that draw copies, by name, the first of all transformations.
        size: K, copies an image.
        images: images of an evaluation that are copied, the first ones.
    """

    def __init__(self, group: Group, orbits: Mapping[str, Group], size: int, images: int) -> None:
        super().__init__()
        self.group, self.orbits = group, dict(orbits)
        self.size, self.images = size, images
        self.spreads = nn.ModuleDict({_key(name, ""): PrototypeSpread() for name in self.orbits})
        # Warps are composed, as copies lose pixels; where composition is not exact (colours that
        # were clipped), prototypes are made of the copies.
        exact = not isinstance(group, ImageGroup) or group.exact_composition
        self.protocol, self.other = ("composed", "direct") if exact else ("direct", "composed")
        for name in filter(_ALL.__contains__, self.orbits):  # in one order on all processes
            for protocol in (self.other, "floor"):
                self.spreads[_key(name, protocol)] = PrototypeSpread()
        self.transport, self.retrieval = CopyTransport(), PrototypeRetrieval()
        names = ["invertibility", *map(_MAGNITUDE.format, range(ITERATIONS))]
        self.means = nn.ModuleDict({name: MeanMetric() for name in names})

    def reset(self) -> None:
        """Forget all batches."""
        others = (self.transport, self.retrieval)
        for metric in (*self.spreads.values(), *self.means.values(), *others):
            cast("Metric", metric).reset()

    def update(self, infer: InferenceNetwork, x: Tensor, places: Tensor, everything: bool) -> None:
        """Add those images of a batch that are among the first of the set.

        Args:
            infer: f.
            x: images ``(B, C, H, W)``.
            places: where they stand in the set ``(B,)``, ascending.
            everything: whether each transformation is scored on its own, not only all together.
        """
        places = places[places < self.images]
        x = x[: len(places)]
        if not len(x):
            return
        for stream, (name, orbit) in enumerate(self.orbits.items()):
            if stream and not everything:
                break
            elements = random_elements(orbit, x, self.size, stream, places)
            found = copies_of(self.group, infer, x, elements)
            self._spread(name, "").update(getattr(found, self.protocol), found.copies)
            if name in _ALL:
                for protocol in (self.other, "floor"):
                    self._spread(name, protocol).update(getattr(found, protocol), found.copies)
            if stream == 0:
                self._invertibility(infer, found.copies[0])
                self._carry(found, elements)
        iterates, _ = iterated(self.group, infer, x, ITERATIONS)
        for k, element in enumerate(iterates):
            size = magnitude(self.group, element).sum()
            self._mean(_MAGNITUDE.format(k)).update(size, len(x))

    def _carry(self, found: Copies, elements: Tensor) -> None:
        """Carry copies onto one another: what all groups can, those that clip too."""
        self.transport.update(
            found.copies.roll(-1, 0),
            still=found.copies,
            carried=carried(self.group, found.inferred, found.copies),
            truly=carried(self.group, elements.to(found.inferred), found.copies),
            other=carried(self.group, found.inferred, found.copies, by=1),
        )
        if isinstance(self.group, ImageGroup):  # clouds may all be of one object
            self.retrieval.update(getattr(found, self.protocol))

    def _invertibility(self, infer: InferenceNetwork, x: Tensor) -> None:
        there = infer(x)
        again = self.group.apply(self.group.inverse(there), self.group.apply(there, x))
        self._mean("invertibility").update(squared_error(again, x), len(x))

    def _spread(self, name: str, protocol: str) -> PrototypeSpread:
        return cast("PrototypeSpread", self.spreads[_key(name, protocol)])

    def _mean(self, name: str) -> MeanMetric:
        return cast("MeanMetric", self.means[name])

    def compute(self) -> dict[str, Tensor]:
        """Figures by name; those of nothing seen are left out."""
        values: dict[str, Tensor] = {}
        for score in (self.transport, self.retrieval):
            values |= score.compute() if score.update_called else {}
        for key in self.spreads:
            name, protocol = key.split("|")
            metric = self._spread(name, protocol)
            suffix = "".join(f"_{part}" for part in (protocol, name) if part)
            for figure, value in (metric.compute() if metric.update_called else {}).items():
                if not suffix or figure == "prototype_spread":
                    values[f"{figure}{suffix}"] = value
        if not self._mean("invertibility").update_called:
            return values
        sizes = [self._mean(_MAGNITUDE.format(k)).compute() for k in range(ITERATIONS)]
        ratios = {
            f"iterate_ratio_{k}": torch.where(sizes[0] > 0, sizes[k] / sizes[0], 1.0)
            for k in range(1, ITERATIONS)
        }
        return values | ratios | {"invertibility": self._mean("invertibility").compute()}


def random_elements(group: Group, x: Tensor, copies: int, stream: int, places: Tensor) -> Tensor:
    """``copies`` elements an image, copy by copy; the same for equal stream and place.

    Args:
        group: that draws them.
        x: images or clouds, for device and type.
        copies: K.
        stream: number of the draws.
        places: where the images stand in their set ``(B,)``.

    Returns:
        ``(K · B, …)``.
    """
    drawn = counter_uniform(_SEED, stream, places.cpu().numpy(), copies * group.dim)
    uniform = torch.from_numpy(drawn).view(len(x), copies, group.dim).transpose(0, 1)
    return group.element(group.from_uniform(uniform.reshape(-1, group.dim).to(x)))


def _key(name: str, protocol: str) -> str:
    return f"{name}|{protocol}"
