"""From raw vectors alone to the hidden chain: the warm start of SymmetryLens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit, StrictObjective
from symmetry_pl.lens.warm_start.descent import Fits, Objective, descend
from symmetry_pl.lens.warm_start.ica import Contrast, fast_ica
from symmetry_pl.lens.warm_start.lattice import Lattice, Topology, chain_generator
from symmetry_pl.lens.warm_start.narrow import component_chain
from symmetry_pl.lens.warm_start.smooth import (
    Components,
    basis_cosine,
    component_places,
    distinct,
    independent_components,
    reflect,
    search,
)
from symmetry_pl.lens.warm_start.symbol import fit_symbol, stationarity_kl
from symmetry_pl.lens.warm_start.whitening import Whitened, whiten

__all__ = ["WarmStart", "blind_source"]

_STATIONARY = 5.0  # times the sampling level; wrong chains lie at hundreds
_RUNS = 3  # of ICA, a search
_AGREE = 0.99
_GAIN = 1e-3
_CLOSE = 1.5
_ALLOWED = 1.5
_BETAS = (0.01, 0.003, 0.001, 3e-4, 1e-4)


@dataclass(frozen=True)
class WarmStart:
    """A hidden chain, and how far to trust it.

    Attributes:
        basis: Q `(d, d)`, float64, orthogonal; row k is the direction of hidden position k.
        method: "narrow" if the independent components are the positions, "smooth" if they only
            told places.
        stationarity: Gaussian KL of Q x from stationary over its sampling level: about 1 or less if
            x is exactly stationary in this basis.
        score: J by which candidates were ranked, lower is better; not comparable across data.
        confidence: In [0, 1].
        confident: Whether to rely on it.
        diagnostics: Figures behind the verdict.
        topology: "chain" or "ring".
    """

    basis: Tensor
    method: str
    stationarity: float
    score: float
    confidence: float
    confident: bool
    diagnostics: dict[str, float]
    topology: Topology = "chain"

    def generator(self) -> Tensor:
        """Return Σ_k q_{k+1} q_kᵀ, `(d, d)`; on a ring the full cycle."""
        return chain_generator(self.basis, self.topology)


def blind_source(
    x: Tensor,
    *,
    topology: Topology = "chain",
    seed: int = 0,
    effort: int = 1,
    max_samples: int | None = 200_000,
) -> WarmStart:
    """Find the orthonormal chain of positions in which the law of `x` is that of a moving waveform.

    Args:
        x: Samples, `(n, d)` with n > d ≥ 3.
        topology: Whether the positions end ("chain") or close ("ring").
        seed: Of the random starts and of the subset.
        effort: Searches before giving up on agreement: 2 + 4 · effort.
        max_samples: Use a random subset of at most this many; `None` uses all.

    Returns:
        The chain; its direction and overall sign are arbitrary.

    Raises:
        ValueError: If x is not a usable sample (see `whiten`), or an option is out of range.
    """
    if effort < 1:
        raise ValueError(f"effort must be at least 1, got {effort}")
    with _one_thread():
        generator = torch.Generator().manual_seed(seed)
        data = whiten(x.detach().cpu(), max_samples, generator)
        lattice = Lattice(data.dim, topology)
        narrow = _narrow(data, lattice, generator)
        if narrow.stationarity <= _STATIONARY:
            return narrow
        return _smooth(data, lattice, generator, effort)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run many small operations without the overhead of handing them to threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _narrow(data: Whitened, lattice: Lattice, generator: torch.Generator) -> WarmStart:
    found: list[WarmStart] = []
    contrasts: tuple[Contrast, ...] = ("tanh", "cube")
    for contrast in contrasts:
        rotation = fast_ica(data.z, contrast=contrast, generator=generator)
        basis = component_chain(data, rotation, lattice)
        covariance = basis @ data.covariance @ basis.T
        kl = float(stationarity_kl(covariance, lattice, fit_symbol(covariance, lattice)))
        ratio = kl / data.sampling_level()
        sure = ratio <= _STATIONARY
        found.append(
            WarmStart(basis, "narrow", ratio, kl, float(sure), sure, {"kl": kl}, lattice.topology)
        )
        if ratio <= 1:
            break
    return min(found, key=lambda start: start.score)


def _smooth(
    data: Whitened, lattice: Lattice, generator: torch.Generator, effort: int
) -> WarmStart:
    sets = [independent_components(data, lattice, _RUNS, generator) for _ in range(2)]
    filters = torch.cat([part.filters for part in sets])
    objective = Objective(data.eigenvalues, data.eigenvectors, filters, lattice)
    rounds: list[Fits] = []
    for turn in range(2 + 4 * effort):
        if turn >= 2:
            sets.append(independent_components(data, lattice, _RUNS, generator))
        found = search(data, sets[turn], objective)
        best = min(rounds, key=lambda fits: float(fits.objective[0]), default=found)
        if not rounds or basis_cosine(best.turns[0], found.turns[0], lattice) <= _AGREE:
            found = _improved(data, objective, sets[turn], found)
        rounds.append(found)
        best = min(rounds, key=lambda fits: float(fits.objective[0]))
        hits = sum(basis_cosine(best.turns[0], fits.turns[0], lattice) > _AGREE for fits in rounds)
        if hits >= 2:
            break
    share = (hits - 1) / (len(rounds) - 1)
    return _finished(data, objective, distinct(Fits.joined(rounds), lattice), share)


def _improved(data: Whitened, objective: Objective, components: Components, fits: Fits) -> Fits:
    """Return `fits` after searches with the places that they themselves imply, and reflections."""
    lattice = objective.lattice
    for _ in range(4):
        before = float(fits.objective[0])
        again = search(data, component_places(components, fits.turns[0], objective), objective)
        fits = distinct(Fits.joined([fits, again]), lattice)
        fits = distinct(Fits.joined([fits, reflect(objective, fits)]), lattice)
        if float(fits.objective[0]) > before - _GAIN * before:
            break
    return fits


def _finished(data: Whitened, objective: Objective, fits: Fits, share: float) -> WarmStart:
    """Fit the best candidates to the amplitudes as well, and choose."""
    lattice, misfit = objective.lattice, AmplitudeMisfit(data, objective.lattice)
    strict = StrictObjective(objective, misfit)
    close = fits.objective <= _CLOSE * fits.objective[0]
    fits = fits[close.nonzero().flatten()[:2]]
    fits = descend(strict, fits, _BETAS[0], 40)
    best = int(fits.objective.argmin())
    score, fit = float(fits.objective[best]), fits[[best]]
    kl_level, misfit_level = data.sampling_level(), misfit.level(fit.turns[0])
    for beta in _BETAS:
        if beta < _BETAS[0]:
            fit = descend(strict, fit, beta, 40)
        ratio = (float(fit.kl) + float(misfit(fit.turns[0])[0])) / (kl_level + misfit_level)
        if ratio <= 1:
            break
    confidence = share * min(1.0, _ALLOWED / ratio)
    diagnostics = {
        "searches_agreeing": share,
        "amplitudes": float(misfit(fit.turns[0])[0]) / misfit_level,
        "both": ratio,
        "beta": beta,
        "runner_up": float(fits.objective.amax()) / score,
        "spread": float(fit.spread),
    }
    return WarmStart(
        fit.turns[0] @ data.eigenvectors.T,
        "smooth",
        float(fit.kl) / kl_level,
        score,
        confidence,
        confidence >= 0.5,
        diagnostics,
        lattice.topology,
    )
