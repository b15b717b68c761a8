"""The figures of SGM on clouds of points: which group its elements are of, and how near to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from symmetry_pl.core import Stage
from symmetry_pl.groups import Group, RotationSubgroup
from symmetry_pl.groups.clouds import Orthogonal, SpecialOrthogonal
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.groups.naming.namer import name_group
from symmetry_pl.groups.rotations import rotation_of, rotation_vector
from symmetry_pl.metrics.dealt import GatheredPairs
from symmetry_pl.metrics.transport import transport_distance, transport_score
from symmetry_pl.sgm.evaluation import PrototypeEvaluator
from symmetry_pl.sgm.scores import random_elements
from symmetry_pl.sgm.self_supervision import self_supervision

__all__ = ["CloudEvaluator", "HiddenGroupData"]

_OFF = math.radians(15)
_DRAWS = 3  # elements of each cloud: W1 of one draw is random itself
_LEAST = 20  # elements that can have a name
_SURE = 0.5  # confidence from which elements count for it


@runtime_checkable
class HiddenGroupData(Protocol):
    """A datamodule that knows the subgroup that has turned its clouds."""

    subgroup: RotationSubgroup


class CloudEvaluator(PrototypeEvaluator):
    r"""Likelihood and spread of prototypes; in a test the group of the elements as well.

    Elements are those from each cloud to where p(η | x̂) has it, g = T_{η'} T_η⁻¹: of the hidden
    group, as the orientations of prototypes cancel. Those of linear maps are named by their
    rotations. Where the inference knows how sure it is, those that are count for the name.

    Args:
        group: of the model.
        orbits: groups that draw copies, by name.
        size: K, copies a cloud.
        images: clouds of a set that are copied, the first ones.

    Attributes:
        elements: of the last test, the first draws ``(N, d, d)``; None before.
        named: their group; None where there are too few, or other groups than of rotations.
    """

    def __init__(self, group: Group, orbits: Mapping[str, Group], size: int, images: int) -> None:
        super().__init__(group, orbits, size, images)
        self.group = group
        self.changes = GatheredPairs()
        self.elements: Tensor | None = None
        self.named: NamedGroup | None = None

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self.elements = self.named = None

    def likelihood(self, model: Any, x: Tensor, places: Tensor) -> None:
        """Add log p of clouds at their own prototypes; the loss of the first ones."""
        some = x[places.to(x.device) < self.scores.images]
        if len(some):
            first, second = (
                random_elements(self.group, some, 1, 100 + k, places[: len(some)]) for k in range(2)
            )
            loss = self_supervision(self.group, model.inference, some, first, second)
            self.mse.update(loss.mse, len(some))
        if model.fitted:
            prototypes, element = model.canonicalise(x)
            eta = model.coordinates(element)
            self.nll.update(-model.generative.log_prob(eta, prototypes).mean(), len(x))

    def resample(self, model: Any, x: Tensor, y: Tensor, stage: Stage) -> None:
        """Gather some elements of each cloud, and how sure its inference is."""
        change = self.drawn_changes(model, x, stage, _DRAWS)
        sure = model.inference.confidence(x)
        sure = torch.ones(len(x), device=x.device) if sure is None else sure
        self.changes.update(change.flatten(1), sure[:, None])

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures of the set, over all processes."""
        values = super().compute(model, stage)
        volume = getattr(self.group, "log_volume", None)
        if "nll_eta" in values and volume is not None:
            values["likelihood_gain"] = volume - values["nll_eta"]
        if not self.changes.update_called:
            return values
        flat, sure = self.changes.compute()
        size = self.group.element_shape[0]
        draws = flat.view(-1, _DRAWS, size, size).transpose(0, 1)
        elements = self.elements = draws[0]
        found = {"elements_sure": float(sure.mean())}
        if isinstance(self.group, (SpecialOrthogonal, Orthogonal, PositiveLinear)):
            found |= self._named_figures(elements, sure[:, 0])
            if isinstance(stage.data, HiddenGroupData):
                jitter = float(getattr(stage.data, "jitter", 0.0))
                found |= self._against(stage.data.subgroup, draws, jitter)
        return values | {name: torch.tensor(value) for name, value in found.items()}

    def _named_figures(self, elements: Tensor, sure: Tensor) -> dict[str, float]:
        """What the name of the group says in numbers."""
        if len(elements) < _LEAST:
            return {}
        turns = elements
        if isinstance(self.group, PositiveLinear):
            turns = rotation_of(rotation_vector(elements))
        known = sure > _SURE
        self.named = name_group(turns[known] if int(known.sum()) >= _LEAST else turns)
        return {
            "group_found": float(self.named.is_group),
            "group_p": self.named.p_value,
            "group_jitter": self.named.errors.get("jitter", 0.0),
        }

    def _against(self, hidden: RotationSubgroup, draws: Tensor, jitter: float) -> dict[str, float]:
        """Elements ``(R, N, d, d)`` and the name of the first ones against the hidden group."""
        elements, seeded = draws[0], torch.Generator().manual_seed(1)
        chance = self.group.sample(len(elements), generator=seeded)
        score = transport_score(draws, hidden, chance=chance)
        if jitter:
            score = score._replace(floor=_jittered_floor(hidden, len(elements), jitter))
        found = {
            "transport": score.distance,
            "transport_floor": score.floor,
            "transport_random": score.random,
            "transport_ratio": score.distance / score.floor if score.floor else math.nan,
        }
        if not isinstance(self.group, PositiveLinear):
            found["elements_off"] = float((hidden.distance(elements) > _OFF).double().mean())
        if self.named is not None:
            found["group_right"] = float(_same(self.named, hidden))
        return found


def _jittered_floor(hidden: RotationSubgroup, count: int, jitter: float) -> float:
    """W1 that true elements have whose jitter is that of the data, in the mean of three draws.

    They are what a perfect model has, from one cloud to another: e' h e⁻¹, so that the jitter
    e = exp(ξ) is in them twice.
    """
    generator, found = torch.Generator().manual_seed(2), 0.0

    def jitters(size: int) -> Tensor:
        noise = torch.randn(count, 1 if size == 2 else 3, generator=generator, dtype=torch.float64)
        return rotation_of(jitter * noise)

    for _ in range(_DRAWS):
        true, other = (hidden.sample(count, generator=generator).double() for _ in range(2))
        size = true.shape[-1]
        found += transport_distance(jitters(size) @ true @ jitters(size).mT, other)
    return found / _DRAWS


def _same(named: NamedGroup, hidden: RotationSubgroup) -> bool:
    """Whether a name is that of the hidden group, up to its orientation."""
    trivial = hidden.order == 1 and named.order == 1
    return trivial or (named.symbol == hidden.name and named.order == hidden.order)
