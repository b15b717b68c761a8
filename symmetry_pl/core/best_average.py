"""Running mean of weights and the best of it: early stopping that a resumed run repeats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["BestAverage"]


class BestAverage:
    r"""The exponential mean of parameters, its best value so far, and how long ago that was.

    .. math:: \bar\theta_t = \beta_t \bar\theta_{t-1} + (1 - \beta_t)\, \theta_t, \qquad
        \beta_t = \min\bigl(\beta, t / (t + 9)\bigr)

    The mean removes most of the noise of the last steps at a learning rate that is still high
    (Polyak & Juditsky 1992; the form with a horizon is common practice). All of it is a function
    of the batches so far, and of what ``state`` holds.

    Args:
        parameters: by name; those that are trained.
        decay: β in [0, 1).
        patience: looks without a better score after which ``stale`` is true.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float, patience: int) -> None:
        self.parameters = dict(parameters)
        self.decay, self.patience = decay, patience
        self.mean = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.best: dict[str, Tensor] = {}
        self.score = math.inf
        self.since = 0

    @torch.no_grad()
    def follow(self, steps: int) -> None:
        """Add the parameters after so many steps, 1 or more."""
        share = 1 - min(self.decay, steps / (steps + 9))
        torch._foreach_lerp_(
            list(self.mean.values()), [p.detach() for p in self.parameters.values()], share
        )

    @torch.no_grad()
    def look(self, score: Callable[[], float]) -> None:
        """Score the mean, smaller being better, and keep it if it is the best so far.

        Args:
            score: computed while the parameters have the values of the mean.
        """
        present = {name: p.detach().clone() for name, p in self.parameters.items()}
        self._put(self.mean)
        found = score()
        self._put(present)
        if found < self.score:
            self.score, self.since = found, 0
            self.best = {name: value.clone() for name, value in self.mean.items()}
        else:
            self.since += 1

    @property
    def stale(self) -> bool:
        """Whether the best is ``patience`` looks old."""
        return self.since >= self.patience

    def restore(self) -> None:
        """Give the parameters the values of the best mean, if there is one."""
        self._put(self.best)

    def state(self) -> dict[str, Any]:
        """Numbers and tensors, for a checkpoint."""
        return {
            "mean": self.mean,
            "best": self.best,
            "score": self.score,
            "since": self.since,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        for name, p in self.parameters.items():
            self.mean[name] = state["mean"][name].to(p)
        self.best = {name: value.to(self.parameters[name]) for name, value in state["best"].items()}
        self.score, self.since = float(state["score"]), int(state["since"])

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self.parameters[name].copy_(value)
