"""Augerino: how far clouds may be moved along each generator before a task notices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import softplus

from symmetry_pl.core import Batch, DataDescription, Player, PlayerOptions
from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.nn.mlp import MLP
from symmetry_pl.sgm.elements.element_module import ElementModule, present

__all__ = ["Augerino"]

_LOSS = 23  # stream of the elements of an evaluation's loss


class Augerino(ElementModule):
    r"""A uniform law of elements about the identity, g = exp(Σ w_i ε_i L_i) with ε ~ U[−1, 1]^k.

    .. math:: \min_{f, w}\; E\, \ell\bigl(f(g x), y\bigr) - \lambda\, \|w\|

    with one width w_i > 0 for each generator L_i of the Lie algebra: as wide as the task allows
    (Benton et al., *Learning Invariances in Neural Networks*, NeurIPS 2020, eq. 3 and section 3.3).

    Augerino asks for labels, and clouds have none. The task here is the nearest that the data pose
    themselves: f tells a cloud of the data (y = 1) from one that a random element of the group has
    moved (y = 0), with ℓ the cross-entropy. Elements of the hidden group leave both labels as they
    are, and others do not. What task LieFlow's authors took is not said in what they publish.

    Every law of this kind is an interval about the identity along each of the given generators: of
    a finite group it can hold the identity alone or go across it, and of SO(2) it holds all where
    the axis is one of the generators'.

    The players ``classifier`` (Adam, 1e-3) and ``widths`` (Adam, 1e-2) take their turn together.

    Args:
        start: width w_i at the start.
        regularisation: λ; it stops to count where a width is at what no path needs (π for turns).
        width: units a hidden layer of the classifier.
        depth: hidden layers.
        kwargs: options of ``ElementModule``.

    Raises:
        ValueError: for a number out of range, or as ``ElementModule``.
    """

    def __init__(
        self,
        start: float = 0.5,
        regularisation: float = 0.01,
        width: int = 128,
        depth: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not start > 0 or regularisation < 0:
            raise ValueError(
                "model.start must be positive and model.regularisation not negative, got "
                f"{start} and {regularisation}"
            )
        self.regularisation = regularisation
        self.start, self.width, self.depth = float(start), width, depth

    @property
    def widths(self) -> Tensor:
        """Width w of each generator, ``(k,)``."""
        return softplus(self.raw_widths)

    def configure_networks(self, data: DataDescription) -> None:
        """The classifier of flattened clouds, and the widths."""
        points, dim = data.x_shape
        self.raw_widths = nn.Parameter(torch.full((self.chart.dim,), self.start).expm1().log())
        self.classifier = MLP(points * dim, 1, self.width, self.depth, "relu")

    def configure_players(self) -> dict[str, Player]:
        """The classifier and the widths."""
        return {
            "classifier": Player([self.classifier], PlayerOptions(lr=1e-3)),
            "widths": Player([self.raw_widths], PlayerOptions(lr=1e-2)),
        }

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """A step of the classifier and of the widths on data and as many moved clouds."""
        x = present(batch[0])
        moved = self.group.apply(self.prior_elements(x), x)
        noise = self.noise(len(x), 2 * self.chart.dim, dtype=x.dtype)
        uniform = 2 * torch.special.ndtr(noise) - 1
        with self.turn("classifier", "widths"):
            task = self.task_loss(x, moved, uniform)
            self.minimise(task - self.regularisation * self.spread())
        if self.log_now:
            self.log_training({"task_loss": task, "widths": self.widths.mean()}, len(x))

    def task_loss(self, x: Tensor, moved: Tensor, uniform: Tensor) -> Tensor:
        """Cross-entropy in nats of data and moved clouds ``(B, n, d)`` after augmentation.

        Args:
            x: clouds of the data.
            moved: clouds that random elements have moved.
            uniform: ε of both, ``(B, 2 k)`` in [−1, 1].
        """
        losses = []
        for clouds, epsilon, real in zip((x, moved), uniform.chunk(2, 1), (1.0, 0.0), strict=True):
            element = self.chart.exponential(self.widths * epsilon)
            logit = self.classifier(self.group.apply(element, clouds).flatten(1))
            losses.append(cross_entropy(logit, torch.full_like(logit, real)))
        return (losses[0] + losses[1]) / 2

    def spread(self) -> Tensor:
        """‖w‖ of widths up to the limit of the group."""
        size: Tensor = self.widths.clamp(max=self.chart.limit).norm()
        return size

    def evaluation_loss(self, x: Tensor, places: Tensor) -> dict[str, Tensor]:
        """The loss of training, and the task's part of it."""
        moved = self.group.apply(self.prior_at(x, places, _LOSS), x)
        task = self.task_loss(x, moved, self._uniform(x, places, _LOSS, 2))
        return {
            "augmented_loss": task - self.regularisation * self.spread(),
            "task_loss": task,
            "widths": self.widths.mean(),
        }

    @torch.no_grad()
    def drawn(self, x: Tensor, places: Tensor, draw: int) -> Tensor:
        """Elements of the law, which is the same for every cloud."""
        element: Tensor = self.chart.exponential(self.widths * self._uniform(x, places, draw, 1))
        return element

    def _uniform(self, x: Tensor, places: Tensor, draw: int, parts: int) -> Tensor:
        """Numbers in [−1, 1] that belong to the places, ``(B, parts · k)``."""
        uniform = counter_uniform(1, draw, places.cpu().numpy(), parts * self.chart.dim)
        return torch.from_numpy(2 * uniform - 1).to(x)
