"""From raw vectors alone to the hidden chain: the warm start of SymmetryLens.

Whitening leaves only a rotation unknown. Stationarity of the second moments leaves of that rotation
the signs of d eigenvectors and the choice between symbols of equal spectrum. Independent components
are local filters wherever the waveform has edges, so their places settle both:

1. *Narrow waveforms.* If the components in order of place leave the covariance stationary
   (Toeplitz; circulant on a ring) up to sampling noise, they are the positions (``narrow``).
2. *Smooth waveforms.* Otherwise the components only measure places. Candidates are the stationary
   covariances with the spectrum of the data, judged by those places (``branches``), and followed
   down J = KL from stationary + β · extent of the filters (``descent``, ``smooth``). Searches from
   new components are repeated until two end in the same chain of lowest J, or ``effort`` is spent.
3. The last descent also makes moments of the amplitudes |y| stationary, which resolves what nearly
   equal eigenvalues leave open (``amplitudes``). β is the largest at which what remains
   non-stationary is no more than sampling noise: the discrepancy principle of Morozov.

Nothing is chosen by labels or by gradients of SymmetryLens's loss. That components near each other
have correlated energies is the idea of topographic ICA (Hyvärinen, Hoyer and Inki 2001).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from symmetry_pl.core.registry import check_choice
from symmetry_pl.groups.domain import Topology
from symmetry_pl.lens.warm_start.amplitudes import AmplitudeMisfit, StrictObjective
from symmetry_pl.lens.warm_start.descent import Fits, Objective, descend
from symmetry_pl.lens.warm_start.ica import Contrast, fast_ica
from symmetry_pl.lens.warm_start.lattice import Lattice, chain_generator
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

_STATIONARY = 5.0  # times the sampling level that may remain of a chain of components
_NEARLY = 0.03  # nats a position that it may leave all the same; smooth waveforms: 0.4 up
_HOPELESS = 0.15  # nats a position after one run
_RUNS = 3  # of ICA, a search
_AGREE = 0.99  # cosine of generators of searches that found the same; near misses lie at 0.98
_FOUND_AGAIN = 0.97  # cosine of two runs of ICA, the second on fewer samples
_GAIN = 1e-3  # relative gain worth another improvement
_CLOSE = 1.5  # times the best J, up to where candidates are fitted to the amplitudes
_STEPS = 40  # of descent at each beta
_CONFIDENT = 0.5
_REPEATED = 0.6  # least confidence in a nearly stationary chain that a second run found again
_BETAS = (0.01, 0.003, 0.001, 3e-4, 1e-4)
_NEAR_BEST = 1.5  # times the least misfit over β, for data that never reach the sampling level
_ALLOWED = 3.0  # times the sampling level without loss of confidence
_MARGIN = 0.01  # relative lead over the runner-up below which confidence falls


@dataclass(frozen=True)
class WarmStart:
    """A hidden chain, and how far to trust it.

    Attributes:
        basis: Q, ``(d, d)``, float64, orthogonal; row k is the direction of hidden position k.
        method: "narrow" if the independent components are the positions, "smooth" if they only
            told places.
        stationarity: Gaussian KL of Q x from stationary over the level that sampling alone leaves:
            at most about 1 if x is stationary in this basis.
        score: label-free figure by which candidates were ranked, lower is better: the KL (narrow),
            or J with the misfit of the amplitudes at β = 0.01 (smooth). Not comparable across data.
        confidence: from 0 to 1. Narrow: 0 if the covariance is a multiple of the identity, so that
            any order is stationary, or if no further run of ICA finds the same chain; else 1
            up to 2.5 times the sampling level, falling to 0.6.
            Smooth: the share of further searches that found the same chain, times the lead over the
            second-best chain (1 from 1 % up), times 3 / misfit where the data are less stationary
            than 3 sampling levels.
        confident: whether the confidence is at least one half.
        diagnostics: the figures behind it.
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
        """Σ_k q_{k+1} q_kᵀ, ``(d, d)``; on a ring the full cycle."""
        return chain_generator(self.basis, self.topology)


def blind_source(
    x: Tensor,
    *,
    topology: Topology = "chain",
    seed: int = 0,
    effort: int = 1,
    max_samples: int | None = 200_000,
) -> WarmStart:
    """Find the orthonormal chain of positions along which the law of ``x`` is stationary.

    Takes .1-1 CPU-seconds for narrow waveforms (d = 99: 3), 4-15 for smooth ones of d ≈ 30, and 30
    for d = 65, at 60,000 samples. Deterministic in the seed.

    Limits. The hidden basis must be orthonormal (any other mixing is hidden by whitening), the law
    stationary, and the waveforms have edges or peaks enough to be told from Gaussian noise: for
    Gaussian processes the problem has no answer. The search starts from spectra with one peak.
    Smooth waveforms need some 100 samples a dimension. Chain or ring must be known.

    Args:
        x: samples, ``(n, d)`` with n > d ≥ 3.
        topology: whether the positions end ("chain") or close ("ring").
        seed: of the random starts and of the subset.
        effort: smooth waveforms: at most 2 + 4 · effort searches to find one chain twice.
        max_samples: use a random subset of at most this many; ``None`` uses all.

    Returns:
        The chain; its direction and overall sign are arbitrary.

    Raises:
        ValueError: if x is not a usable sample (see ``whiten``), or an option is out of range.
    """
    if effort < 1:
        raise ValueError(f"effort must be at least 1, got {effort}")
    check_choice("topology", topology, get_args(Topology))
    with _one_thread():
        generator = torch.Generator().manual_seed(seed)
        data = whiten(x.detach().cpu(), max_samples, generator)
        lattice = Lattice(data.dim, topology)
        found = _narrow(data, lattice, generator)
        settled = found.confident or data.is_white()
        return found if settled else _smooth(data, lattice, generator, effort)


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
    """Take independent components for positions; confident if that leaves x nearly stationary."""
    level = data.sampling_level()
    contrasts: tuple[Contrast, ...] = ("tanh", "cube")
    found: list[tuple[float, Tensor]] = []
    for contrast in contrasts:
        rotation = fast_ica(data.z, contrast=contrast, generator=generator)
        basis = component_chain(data, rotation, lattice)
        covariance = basis @ data.covariance @ basis.T
        kl = float(stationarity_kl(covariance, lattice, fit_symbol(covariance, lattice)))
        found.append((kl, basis))
        if kl <= 2 * level or kl > _HOPELESS * data.dim:
            break
    kl, basis = min(found, key=lambda one: one[0])
    agreement, confidence = 0.0, 0.0
    if kl <= max(_STATIONARY * level, _NEARLY * data.dim) and not data.is_white():
        for contrast in ("tanh", "cube", "tanh", "cube"):
            rotation = fast_ica(data.some_rows(), contrast=contrast, generator=generator)
            again = component_chain(data, rotation, lattice)
            agreement = max(agreement, basis_cosine(basis, again, lattice))
            if agreement > _FOUND_AGAIN:
                confidence = max(_REPEATED, min(1.0, _CONFIDENT * _STATIONARY * level / kl))
                break
    return WarmStart(
        basis=basis,
        method="narrow",
        stationarity=kl / level,
        score=kl,
        confidence=confidence,
        confident=confidence >= _CONFIDENT,
        diagnostics={"kl": kl, "agreement": agreement},
        topology=lattice.topology,
    )


def _smooth(data: Whitened, lattice: Lattice, generator: torch.Generator, effort: int) -> WarmStart:
    """Search until the best chain was found twice, 2 + 4 · effort times at most."""
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
    """``fits`` after searches with the places that they themselves imply, and reflections.

    Four rounds at most, each of which must lower J.
    """
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
    """Choose between the two best candidates and fit the amplitudes too, at the right beta."""
    lattice, misfit = objective.lattice, AmplitudeMisfit(data, objective.lattice)
    strict = StrictObjective(objective, misfit)
    close = fits.objective <= _CLOSE * fits.objective[0]
    fits = descend(strict, fits[close.nonzero().flatten()[:2].tolist()], _BETAS[0], _STEPS)
    best = int(fits.objective.argmin())
    score, path = float(fits.objective[best]), [fits[[best]]]
    kl_level, misfit_level = data.sampling_level(), misfit.level(path[0].turns[0])
    ratios: list[float] = []
    for beta in _BETAS:
        if ratios:
            path.append(descend(strict, path[-1], beta, _STEPS))
        remains = float(path[-1].objective) - beta * float(path[-1].spread)
        ratios.append(remains / (kl_level + misfit_level))
        if ratios[-1] <= 1:
            break
    enough = max(1.0, _NEAR_BEST * min(ratios))
    chosen = next(k for k, ratio in enumerate(ratios) if ratio <= enough)
    fit, ratio = path[chosen], ratios[chosen]
    runner_up = float(fits.objective.amax()) / score if len(fits) > 1 else _CLOSE
    margin = min(1.0, (runner_up - 1) / _MARGIN)
    confidence = share * margin * min(1.0, _ALLOWED / ratio)
    return WarmStart(
        basis=fit.turns[0] @ data.eigenvectors.T,
        method="smooth",
        stationarity=float(fit.kl) / kl_level,
        score=score,
        confidence=confidence,
        confident=confidence >= _CONFIDENT,
        diagnostics={
            "agreement": share,
            "runner_up": runner_up,
            "misfit": ratio,
            "amplitudes": float(misfit(fit.turns[0])[0]) / misfit_level,
            "beta": _BETAS[chosen],
            "spread": float(fit.spread),
        },
        topology=lattice.topology,
    )
