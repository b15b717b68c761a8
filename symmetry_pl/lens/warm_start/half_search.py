"""Searches of one half of the data, which know nothing of the other half."""

from __future__ import annotations

import torch

from symmetry_pl.lens.warm_start.descent import Fits, Objective, descend
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.polish import BETAS, STEPS
from symmetry_pl.lens.warm_start.smooth import (
    Components,
    component_places,
    distinct,
    independent_components,
    reflect,
    search,
)
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["HalfSearch", "improved", "mended"]

_RUNS = 3  # of ICA, a search
_GAIN = 1e-3  # relative gain worth another improvement
_KEPT = 8  # candidates of a half
_CARRIED = 2  # of them, to the whole


class HalfSearch:
    """The best chains that searches from ever new independent components have led to.

    Args:
        data: the half.
        lattice: chain or ring.
        generator: of the random starts.

    Attributes:
        sets: the components of each search.
        fits: what was found, by rising J.
        idle: searches since the last that found a better chain.
    """

    def __init__(self, data: Whitened, lattice: Lattice, generator: torch.Generator) -> None:
        self.data, self.lattice, self._generator = data, lattice, generator
        self.sets: list[Components] = []
        self.idle = 0
        self.fits: Fits

    @property
    def objective(self) -> Objective:
        """J of the half, with the components of all searches so far as filters."""
        return self.objective_of(self.data, [self])

    @staticmethod
    def objective_of(data: Whitened, searches: list[HalfSearch]) -> Objective:
        """J of some data, with the components of some searches as filters."""
        filters = torch.cat([part.filters for one in searches for part in one.sets])
        lattice = searches[0].lattice
        return Objective(data.eigenvalues, data.eigenvectors, filters, lattice)

    def again(self) -> None:
        """Search once more, and keep what is best of all."""
        self.sets.append(independent_components(self.data, self.lattice, _RUNS, self._generator))
        objective = self.objective
        found = improved(self.data, self.sets[-1], objective)
        if len(self.sets) > 1:
            before = objective(self.fits, BETAS[0])[0]
            best = float(before.objective[0])
            better = float(found.objective[0]) < best - _GAIN * abs(best)
            self.idle = 0 if better else self.idle + 1
            found = distinct(Fits.joined([before, found]), self.lattice)
        self.fits = found[list(range(min(_KEPT, len(found))))]

    def carried(self, data: Whitened, objective: Objective) -> Fits:
        """The best chains, followed down on other data; the best of them first."""
        carry = self.data.eigenvectors.T @ data.eigenvectors
        best = self.fits[list(range(min(_CARRIED, len(self.fits))))]
        fits = Fits.start(best.turns @ carry, best.coefficients)
        return descend(objective, fits, BETAS[0], STEPS)


def improved(data: Whitened, components: Components, objective: Objective) -> Fits:
    """What a search leads to, and searches with the places it implies, and reflections.

    Four rounds at most, each of which must lower J.
    """
    fits = search(data, components, objective)
    for _ in range(4):
        before = float(fits.objective[0])
        implied = component_places(components, fits.turns[0], objective)
        again = search(data, implied, objective)
        fits = distinct(Fits.joined([fits, again]), objective.lattice)
        fits = mended(fits, objective)
        if float(fits.objective[0]) > before - _GAIN * before:
            break
    return fits


def mended(fits: Fits, objective: Objective) -> Fits:
    """``fits`` and what reflections of the best of them lead to, by rising J."""
    return distinct(Fits.joined([fits, reflect(objective, fits)]), objective.lattice)
