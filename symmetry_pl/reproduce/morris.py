"""Elementary effects of Morris: a plan of points, and what the values at them say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from symmetry_pl.reproduce.experiment import NeedsPackage

__all__ = ["Effects", "Factor", "MorrisPlan"]

_RESAMPLES = 1000


class Effects(TypedDict):
    """What one factor does: mean effect, mean absolute effect with its 95 % margin, deviation.

    An effect is the change of the value over the change of the factor, which counts in units of its
    range (Morris, 1991; SymmetryLens, eq. 33).
    """

    mu: float
    mu_star: float
    mu_star_conf: float
    sigma: float


@dataclass(frozen=True)
class Factor:
    """One parameter that a plan varies.

    Args:
        name: key in the results file.
        label: what a reader sees.
        low: least value.
        high: greatest value.
        options: of the command line, that all get the value.
    """

    name: str
    label: str
    low: float
    high: float
    options: tuple[str, ...]

    def overrides(self, value: float) -> tuple[str, ...]:
        """The options with a value.

        >>> Factor("a", "a", 0.0, 1.0, ("--model.a", "--model.b")).overrides(2 / 3)
        ('--model.a=0.666667', '--model.b=0.666667')
        """
        return tuple(f"{option}={value:.6g}" for option in self.options)


@dataclass(frozen=True)
class MorrisPlan:
    r"""Random trajectories on a grid, each of which changes every factor once.

    The step is :math:`\Delta = p / (2 (p - 1))` of a factor's range with p levels, 2/3 with four.

    Args:
        factors: what is varied.
        trajectories: how many; the plan has as many times (1 + factors) points.
        seed: of the plan, which is a function of it.
        levels: p, even.

    Raises:
        NeedsPackage: where SALib, which draws and analyses plans, is not installed.
    """

    factors: tuple[Factor, ...]
    trajectories: int
    seed: int = 0
    levels: int = 4

    @property
    def delta(self) -> float:
        """Δ, a share of each factor's range."""
        return self.levels / (2 * (self.levels - 1))

    @cached_property
    def points(self) -> npt.NDArray[np.float64]:
        """Values of the factors in their own units, ``(trajectories, 1 + factors, factors)``."""
        _, morris = _salib()
        drawn = morris.sample(
            self._problem, self.trajectories, num_levels=self.levels, seed=self.seed
        )
        return np.asarray(drawn).reshape(self.trajectories, -1, len(self.factors))

    def changed(self, trajectory: int, step: int) -> Factor | None:
        """The factor that a step changes; None for step 0, where a trajectory starts."""
        if step == 0:
            return None
        before, after = self.points[trajectory, step - 1 : step + 1]
        (index,) = np.flatnonzero(before != after)
        return self.factors[index]

    def effects(self, values: Mapping[tuple[int, int], float]) -> dict[str, Effects]:
        """Effects of all factors over the trajectories whose points all have a value.

        Args:
            values: (trajectory, step) to the value there.

        Returns:
            Name of the factor to its effects; empty with fewer than two whole trajectories.
        """
        whole = self.complete(values)
        if len(whole) < 2:
            return {}
        steps = range(len(self.factors) + 1)
        analysis, _ = _salib()
        found = analysis.analyze(
            self._problem,
            self.points[whole].reshape(-1, len(self.factors)),
            np.array([values[t, step] for t in whole for step in steps]),
            num_resamples=_RESAMPLES,
            num_levels=self.levels,
            seed=self.seed,
        )
        return {
            factor.name: Effects(
                mu=float(found["mu"][i]),
                mu_star=float(found["mu_star"][i]),
                mu_star_conf=float(found["mu_star_conf"][i]),
                sigma=float(found["sigma"][i]),
            )
            for i, factor in enumerate(self.factors)
        }

    def complete(self, values: Mapping[tuple[int, int], float]) -> list[int]:
        """The trajectories whose points all have a value."""
        steps = range(len(self.factors) + 1)
        return [t for t in range(self.trajectories) if all((t, s) in values for s in steps)]

    @property
    def _problem(self) -> dict[str, Any]:
        return {
            "num_vars": len(self.factors),
            "names": [factor.name for factor in self.factors],
            "bounds": [[factor.low, factor.high] for factor in self.factors],
        }


def _salib() -> tuple[Any, Any]:
    """SALib's analysis and its sampler."""
    try:
        from SALib.analyze import morris as analysis
        from SALib.sample import morris as sampler
    except ModuleNotFoundError as error:
        raise NeedsPackage(
            f"plans of elementary effects need SALib, which is not installed ({error}): "
            "pip install SALib"
        ) from error
    return analysis, sampler
