"""What methods share that learn a law of group elements from clouds, without prototypes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, SymmetryModule
from symmetry_pl.core.noise import mix_seed
from symmetry_pl.groups import CloudGroup, build_any_group
from symmetry_pl.groups.algebra_chart import algebra_chart
from symmetry_pl.metrics.hidden_group import named_sentence
from symmetry_pl.sgm.elements.element_evaluation import ElementLawEvaluator
from symmetry_pl.sgm.elements.random_elements import elements_at

__all__ = ["ElementModule"]

_PRIOR = 11  # stream of the elements that training draws


class ElementModule(SymmetryModule):
    r"""A law q(g \| x) of elements that take a cloud x to another one as likely, g x ~ p.

    Its support is the hidden group, or the part of it that the method can tell. Points that are
    missing are put at the origin, as LieFlow's protocol has them.

    A subclass gives ``drawn`` and ``evaluation_loss``.

    Args:
        group: the hypothesis: so2, so3, gl2, … (``build_cloud_group``).
        group_options: its options, such as the measure of gl2.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for a group that does not act on clouds, or has no path to each element.
    """

    group: CloudGroup
    painter: ClassVar[str] = "symmetry_pl.sgm.painter:ElementPainter"
    headline: ClassVar[tuple[str, ...]] = ("objective", "transport")

    def __init__(
        self, group: str = "so3", group_options: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        made = build_any_group(group, **(group_options or {}))
        if not isinstance(made, CloudGroup):
            raise ValueError(
                f"group {group!r} acts on images, and {type(self).__name__} is for clouds: take "
                "so2, so3 or gl2"
            )
        self.group, self.chart = made, algebra_chart(made)

    @abstractmethod
    def drawn(self, x: Tensor, places: Tensor, draw: int) -> Tensor:
        """Elements ``(B, …)`` of the learned law, by the places of clouds in their set.

        Args:
            x: clouds ``(B, n, d)`` without missing points.
            places: ``(B,)``; what is drawn depends on them and on ``draw`` alone.
            draw: number of the draw.
        """

    @abstractmethod
    def evaluation_loss(self, x: Tensor, places: Tensor) -> dict[str, Tensor]:
        """Losses of the clouds of a set, means over ``(B,)`` of them; the first is minimised."""

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is no cloud, or one that the group does not act on."""
        if data.kind != "cloud":
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, and {type(self).__name__} is "
                "for clouds"
            )
        self.group.check_clouds(data.x_shape)

    def configure_evaluator(self, stage: Literal["val", "test"]) -> ElementLawEvaluator:
        """Losses, and in a test the group of the elements."""
        return ElementLawEvaluator(self.group)

    def verdict(self, figures: dict[str, float]) -> str | None:
        """The group that the elements of the test are of."""
        evaluator = self._evaluators.get("test")
        named = evaluator.named if isinstance(evaluator, ElementLawEvaluator) else None
        return None if named is None else named_sentence(named)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Row numbers, an element drawn for each cloud by its coordinates, and the cloud moved."""
        x = present(batch[0])
        element = self.drawn(x, batch[2], 0)
        eta = self.group.coordinates(element)
        return {"row": batch[2], "eta": eta, "moved": self.group.apply(element, x).flatten(1)}

    def column_names(self) -> dict[str, Any]:
        """Those of η are the names of its coordinates."""
        return {"eta": self.group.names}

    def prior_elements(self, x: Tensor) -> Tensor:
        """Elements of the group's own law for the clouds of a training batch."""
        world = self.trainer.world_size
        seed = mix_seed(mix_seed(self.noise_seed or 0, _PRIOR), self.batches_seen)
        draws = torch.Generator().manual_seed(seed)
        drawn = self.group.sample(len(x) * world, generator=draws, dtype=torch.float64)
        return drawn[self.trainer.global_rank :: world].to(x)

    def prior_at(self, x: Tensor, places: Tensor, draw: int) -> Tensor:
        """The same for clouds of a set, by their places."""
        return elements_at(self.group, places, draw).to(x)


def present(x: Tensor) -> Tensor:
    """Clouds whose missing points are at the origin."""
    return x.nan_to_num(0.0)
