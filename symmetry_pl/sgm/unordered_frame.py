"""Inference on clouds without an order of their points: each object has a template."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.cluster.hierarchy import fcluster, linkage
from torch import Tensor

from symmetry_pl.groups import CloudGroup
from symmetry_pl.groups.base import at_least_single
from symmetry_pl.groups.clouds import SpecialOrthogonal
from symmetry_pl.sgm.inference import InferenceNetwork, perturbed
from symmetry_pl.sgm.registration import Registered, Templates, register

__all__ = ["UnorderedFrame", "shape_densities"]

_LEARNED = 2000  # training clouds that objects are told apart by
_BINS = 40
_SPAN = 5.0  # largest distance of two points that is told from others, in radii
_STEP = 1.5  # of the heights of two merges, from which they are of objects
_CLEAR = 0.6  # of the distances from the next two objects, below which there is no doubt
_SAME = 1.5  # a rival's residual within this factor: the object may be symmetric
_ROUGH = 1e-4  # of a residual that is none, in squared radii: cells are coarse
_STABLE = 0.5  # share of an object's clouds with such a rival that makes it symmetric


class UnorderedFrame(InferenceNetwork):
    """Rotations against templates that training clouds give, whatever the order of points.

    Training clouds are sorted into objects by densities of their radii and of the distances of
    their points, which no rotation changes; one cloud of each object is its template. A cloud is
    turned against the template next to it, or where there is doubt the next two
    (``registration``); that of the lesser residual counts. The frame follows a rotation as far as
    points that are missing and noise let it: f(g x) = g f(x) up to the registration's error.

    ``confidence`` compares the residual with that of the best other rotation. An object that looks
    alike in several poses is symmetric itself: ``adopt`` counts these, and their clouds are unsure.

    Args:
        group: so2 or so3; about the origin.
        cloud_shape: ``(n, d)``.
        objects: largest number of objects.

    Raises:
        ValueError: for another group.
    """

    group: CloudGroup
    templates: Tensor
    densities: Tensor
    count: Tensor
    radius: Tensor
    symmetric: Tensor

    def __init__(self, group: CloudGroup, cloud_shape: Sequence[int], objects: int = 256) -> None:
        super().__init__(group)
        if not isinstance(group, SpecialOrthogonal):
            raise ValueError(
                f"there is no frame of unordered clouds for a {type(group).__name__}: there is one "
                "for so2 and so3"
            )
        if objects < 1:
            raise ValueError(f"objects must be at least 1, got {objects}")
        self.register_buffer("templates", torch.zeros(objects, *cloud_shape))
        self.register_buffer("densities", torch.zeros(objects, 2 * _BINS))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("radius", torch.tensor(1.0))
        self.register_buffer("symmetric", torch.zeros(objects, dtype=torch.bool))
        self._grids: Templates | None = None
        self._last: tuple[Tensor, int, tuple[Registered, Tensor]] | None = None

    def forward(self, x: Tensor, perturbation: Tensor | None = None) -> Tensor:
        """Elements; a perturbation ``(B, dim)`` comes before them, next to the prototype.

        Args:
            x: clouds ``(B, n, d)``, NaN where a point is missing.
            perturbation: coordinates in units of the group's bounds.
        """
        element = self.found(x)[0].rotation.to(at_least_single(x))
        return perturbed(self.group, element, perturbation)

    def confidence(self, x: Tensor) -> Tensor:
        """How much less the residual is than that of the best other rotation, ``(B,)`` in (0, 1).

        1 − r / r' of the residuals, so that 0 says that another rotation fits as well.
        """
        found = self.found(x)[0]
        share = (found.residual + _ROUGH) / (found.rival + _ROUGH)
        sure: Tensor = (1 - share).clamp(1e-6, 1 - 1e-6).to(at_least_single(x))
        return sure

    @torch.no_grad()
    def found(self, x: Tensor) -> tuple[Registered, Tensor]:
        """Registrations, and the number of each cloud's object ``(B,)``."""
        version = None if x.is_inference() else x._version  # such tensors have none
        last = self._last
        if last is not None and version is not None and last[0] is x and last[1] == version:
            return last[2]
        grids = self._templates()
        known = self.densities[: int(self.count)]
        apart = torch.cdist(shape_densities(x, float(self.radius)).to(known), known)
        distances, near = apart.topk(min(2, len(known)), 1, largest=False)
        cloud, which = x.to(grids.points), near[:, 0].clone()
        best = register(cloud, grids, which)
        if near.shape[1] > 1:
            doubt = (distances[:, 0] > _CLEAR * distances[:, 1]).nonzero()[:, 0]
            second = register(cloud[doubt], grids, near[doubt, 1])
            better = second.residual < best.residual[doubt]
            which[doubt[better]] = near[doubt[better], 1]
            for part, other in zip(best, second, strict=True):
                part[doubt[better]] = other[better]
        self._last = None if version is None else (x, version, (best, which))
        return best, which

    @torch.no_grad()
    def adopt(self, x: Tensor) -> str | None:
        """Tell objects apart, and keep a template of each.

        Returns:
            How many objects there are, and how many are symmetric themselves.
        """
        x = x[:_LEARNED]
        self.radius.fill_(x.square().sum(2).nanmean().sqrt())
        densities = shape_densities(x, float(self.radius))
        label = _objects(densities, len(self.templates)).to(x.device)
        count = int(label.max()) + 1
        missing = x.isnan().any(2).sum(1)
        for k in range(count):
            own = (label == k).nonzero()[:, 0]
            mean = densities[own].mean(0)
            # of those that miss the fewest points, the one that is most like all others
            fewest = own[missing[own] == missing[own].min()]
            middle = fewest[(densities[fewest] - mean).norm(dim=1).argmin()]
            self.templates[k], self.densities[k] = x[middle], mean
        self.count.fill_(count)
        self._grids = self._last = None
        return self._symmetries(x, label, count)

    def _symmetries(self, x: Tensor, label: Tensor, count: int) -> str:
        """Note which objects look alike in several poses."""
        some = torch.cat([(label == k).nonzero()[:3, 0] for k in range(count)])
        found, which = self.found(x[some])
        alike = found.rival + _ROUGH < _SAME * (found.residual + _ROUGH)
        total = which.bincount(minlength=count).clamp(min=1)
        share = which.bincount(alike.double(), minlength=count) / total
        self.symmetric[:count] = share > _STABLE
        number = int(self.symmetric[:count].sum())
        what = f"found {count} object{'' if count == 1 else 's'}"
        if not number:
            return what
        return (
            f"{what}, {number} of them symmetric: elements of these are known up to their own "
            "symmetry, and their clouds are not sure"
        )

    def _templates(self) -> Templates:
        """Templates with their grids, made when they are first asked for."""
        count = int(self.count)
        if not count:
            raise ValueError(
                "inference unordered takes templates from training clouds: train with a datamodule"
            )
        points = self.templates[:count]
        if self._grids is None or len(self._grids.points) != count:
            self._grids = Templates.of(points.float(), float(self.radius))
        return self._grids

    def _load_from_state_dict(self, *args: object, **kwargs: object) -> None:
        """Make the grids anew for the templates of a checkpoint."""
        self._grids = self._last = None
        super()._load_from_state_dict(*args, **kwargs)


def shape_densities(x: Tensor, radius: float) -> Tensor:
    """Histograms of radii and of distances of points, which no rotation changes.

    Args:
        x: clouds ``(B, n, d)``, NaN where a point is missing.
        radius: unit of lengths.

    Returns:
        ``(B, 80)``, each half with a sum of 1, the values spread over two bins.
    """
    found = []
    for part in torch.split(x, 64):
        there = ~part.isnan().any(2)
        cloud = part.nan_to_num(0.0)
        pairs = torch.triu(there[:, :, None] & there[:, None], 1)
        lengths = (cloud.norm(dim=2), torch.cdist(cloud, cloud).flatten(1))
        found.append(
            torch.cat(
                [
                    _histogram(length / radius, mask)
                    for length, mask in zip(lengths, (there, pairs.flatten(1)), strict=True)
                ],
                1,
            )
        )
    return torch.cat(found)


def _histogram(values: Tensor, mask: Tensor) -> Tensor:
    """Shares of values ``(B, m)`` in bins from 0 on, each spread over the two next to it."""
    place = (values / _SPAN * _BINS).clamp(0, _BINS - 1.001)
    low = place.long()
    weights = mask.to(values)
    right = (place - low) * weights
    counts = values.new_zeros(len(values), _BINS)
    counts.scatter_add_(1, low, weights - right)
    counts.scatter_add_(1, (low + 1).clamp(max=_BINS - 1), right)
    return counts / mask.sum(1, keepdim=True).clamp(min=1)


def _objects(densities: Tensor, most: int) -> Tensor:
    """Numbers of objects ``(N,)``: clusters, cut where the step to fewer of them is the largest."""
    if len(densities) < 3:
        return torch.zeros(len(densities), dtype=torch.long)
    tree = linkage(densities.double().cpu().numpy(), "ward")
    heights = torch.from_numpy(tree[:, 2]).clamp(min=1e-6)
    # the last merge makes one cluster of two, the one before two of three, …
    steps = (heights[1:] / heights[:-1]).flip(0)[:most]
    number = 2 + int(steps.argmax()) if float(steps.max()) > _STEP else 1
    label = fcluster(tree, number, "maxclust")
    return torch.from_numpy(label).long() - 1
