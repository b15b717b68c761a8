"""Searches of one half of the data, which know nothing of the other half."""

from __future__ import annotations

import torch

from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit, StrictObjective
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

__all__ = ["HalfSearch"]

_RUNS = 3  # of ICA, a search
_GAIN = 1e-3  # relative gain worth another improvement
_ROWS = 4096  # for the misfit that ranks
_KEPT = 8  # candidates of a half
_CARRIED = 2  # of them, to the whole


class HalfSearch:
    """The best chains that searches from ever new independent components have led to.

    Candidates are followed down J, and ranked by J and the misfit of the amplitudes of some rows:
    J has many low places, of which amplitudes leave one.

    Args:
        data: the half.
        lattice: chain or ring.
        generator: of the random starts.

    Attributes:
        sets: the components of each search.
        fits: what was found, best first; their ``objective`` is J + M.
    """

    def __init__(self, data: Whitened, lattice: Lattice, generator: torch.Generator) -> None:
        self.data, self.lattice, self._generator = data, lattice, generator
        self._misfit = AmplitudeMisfit(data, lattice, _ROWS)
        self.sets: list[Components] = []
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
        strict = StrictObjective(self.objective, self._misfit)
        found = self._improved(search(self.data, self.sets[-1], self.objective), strict)
        if len(self.sets) > 1:
            found = self._ranked([self.fits, found], strict)
        self.fits = found

    def remains(self) -> float:
        """What the best chain leaves non-stationary, over what sampling leaves."""
        best = self.fits[[0]]
        level = self.data.sampling_level() + self._misfit.level(best.turns[0])
        return float(best.objective - BETAS[0] * best.spread) / level

    def _improved(self, fits: Fits, strict: StrictObjective) -> Fits:
        """``fits`` after searches with the places that they themselves imply, and reflections.

        Four rounds at most, each of which must lower what the best leaves.
        """
        objective, components = self.objective, self.sets[-1]
        fits = self._ranked([fits], strict)
        for _ in range(4):
            before = float(fits.objective[0])
            implied = component_places(components, fits.turns[0], objective)
            fits = self._ranked([fits, search(self.data, implied, objective)], strict)
            fits = self._ranked([fits, reflect(objective, strict, fits)], strict)
            if float(fits.objective[0]) > before - _GAIN * before:
                break
        return fits

    def _ranked(self, parts: list[Fits], strict: StrictObjective) -> Fits:
        """The best of all by J + M, without repetitions."""
        known = torch.cat([part.turns for part in parts])
        coefficients = torch.cat([part.coefficients for part in parts])
        judged = strict(Fits.start(known, coefficients), BETAS[0])[0]
        fits = distinct(judged, self.lattice)
        return fits[list(range(min(_KEPT, len(fits))))]

    def carried(self, data: Whitened, objective: Objective) -> Fits:
        """The best chains, followed down on other data; the best of them first."""
        carry = self.data.eigenvectors.T @ data.eigenvectors
        best = self.fits[list(range(min(_CARRIED, len(self.fits))))]
        fits = Fits.start(best.turns @ carry, best.coefficients)
        return descend(objective, fits, BETAS[0], STEPS)
