"""LieFlow: the law of the elements of a hidden group, by flow matching on a larger one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Player, PlayerOptions
from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.nn.time_mlp import TimeMLP
from symmetry_pl.sgm.elements.element_module import ElementModule, present

__all__ = ["LieFlow"]

_TIMES = 19  # stream of the times of an evaluation


class LieFlow(ElementModule):
    r"""A flow that brings clouds moved by any element of G back to clouds of the data.

    .. math:: x_t = e^{(1 - t)\, \omega} x, \quad e^\omega = g_0 \sim U(G), \qquad
        \min_v\, E\, \tfrac1k \|v(x_t, t) + \omega\|^2

    with x of the data, k coordinates ω of the Lie algebra, and a time t = u^{1/s} of uniform u:
    late times are drawn more often, as flows to few elements settle late (Chen, Park et al.,
    *Discovering Symmetry Groups with Flow Matching*, ICML 2026). From x_0 = g_0 x the learned
    velocity is integrated by Euler steps on the group, Δg = exp(Δt v), at times (i / n)^{1/s}, and
    q(g \| x) is the law of g = Δg_n … Δg_1 g_0: x and g x are both of the data.

    The player is ``velocity`` (Adam, 3e-3). Here velocities of so2 are one number, so that elements
    remain rotations; the published code has the four entries of a matrix there.

    Args:
        width: units a hidden layer of the network, which sees the flattened cloud and t.
        depth: hidden layers.
        skewness: s; 1 draws times uniformly, as published for continuous groups.
        steps: n, of the integration.
        kwargs: options of ``ElementModule``.

    Raises:
        ValueError: for a number out of range, or as ``ElementModule``.
    """

    def __init__(
        self,
        width: int = 128,
        depth: int = 4,
        skewness: float = 5.0,
        steps: int = 20,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not skewness > 0:
            raise ValueError(f"model.skewness must be positive, got {skewness}")
        if steps < 1:
            raise ValueError(f"model.steps must be at least 1, got {steps}")
        self.width, self.depth = width, depth
        self.skewness, self.steps = skewness, steps

    def configure_networks(self, data: DataDescription) -> None:
        """The velocity, of flattened clouds and a time."""
        points, dim = data.x_shape
        self.velocity = TimeMLP(points * dim, self.chart.dim, self.width, self.depth)

    def configure_players(self) -> dict[str, Player]:
        """The velocity alone."""
        return {"velocity": Player([self.velocity], PlayerOptions(lr=3e-3))}

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """A step towards the velocities of the paths of a batch."""
        x = present(batch[0])
        uniform = torch.special.ndtr(self.noise(len(x), 1, dtype=torch.float64))[:, 0]
        start = self.prior_elements(x)
        with self.turn("velocity"):
            loss = self.loss(x, start, uniform.to(x))
            self.minimise(loss)
        if self.log_now:
            self.log_training({"velocity_mse": loss}, len(x))

    def loss(self, x: Tensor, start: Tensor, uniform: Tensor) -> Tensor:
        """Squared error of velocities, for g_0 ``(B, …)`` and u ``(B,)``: a mean."""
        omega = self.chart.logarithm(start).to(x)
        time = uniform.pow(1 / self.skewness)
        moved = self.group.apply(self.chart.exponential((1 - time)[:, None] * omega), x)
        error: Tensor = (self.velocity(moved.flatten(1), time) + omega).square().mean()
        return error

    def evaluation_loss(self, x: Tensor, places: Tensor) -> dict[str, Tensor]:
        """The same at elements and times that belong to the places."""
        uniform = torch.from_numpy(counter_uniform(0, _TIMES, places.cpu().numpy(), 1)[:, 0])
        return {"velocity_mse": self.loss(x, self.prior_at(x, places, _TIMES), uniform.to(x))}

    def drawn(self, x: Tensor, places: Tensor, draw: int) -> Tensor:
        """Where the flow takes random elements of the places."""
        return self.integrate(x, self.prior_at(x, places, draw))

    @torch.no_grad()
    def integrate(self, x: Tensor, start: Tensor) -> Tensor:
        """Elements g ``(B, …)`` that the flow comes to from g_0, for clouds ``(B, n, d)``."""
        grid = torch.linspace(0, 1, self.steps + 1, dtype=torch.float64).pow(1 / self.skewness)
        element = start
        for now, later in zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True):
            moved = self.group.apply(element, x)
            velocity = self.velocity(moved.flatten(1), moved.new_full((len(x),), now))
            velocity = velocity.clamp(-self.chart.limit, self.chart.limit)  # or it may overflow
            step = self.chart.exponential((later - now) * velocity)
            element = self.group.compose(element, step)
        return element
