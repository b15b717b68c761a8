"""Whether there is a hidden domain, and whether the law is stationary along it, in words."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DOMAINS", "VERDICTS", "Verdict", "judged", "judged_stationary"]

DOMAINS = ("lattice", "torus", "cylinder", "chain", "ring")
VERDICTS = (*DOMAINS, "white", "too few samples", "too few positions", "no domain")
COMPLETE = 0.9
"""Share of the pixels that must lie where their own neighbours put them."""
AGREE = 0.9
"""Share of the pixels that two halves of the data must place alike."""
LOCAL = 0.9
"""Share of squared partial correlations of neighbours that must be between near cells."""
STATIONARY = 0.85
"""Share of the correlations that displacements must explain."""
EVEN = 0.25
"""Standard deviation of variances, of their mean, above which they are not equal."""
LEVEL = 0.05
_WHITE = 3.5  # standard errors
_FEWEST = 6  # pixels of fewer orders, chance alone agrees in one of seven
_LEAST = 1e-99  # probability that is written
_ROWS = 4  # a pixel, above which a layout that halves do not share is not for want of samples


class Verdict(NamedTuple):
    """One word or two, and a sentence.

    Args:
        name: one of ``VERDICTS``; of stationarity, ``stationary``, ``stationary up
            to scale``, ``not stationary`` or ``unknown``.
        because: the figures that say so.
    """

    name: str
    because: str

    @property
    def found(self) -> bool:
        """Whether there is what was looked for."""
        return self.name in (*DOMAINS, "stationary")


def judged(
    kind: str,
    samples: float,
    live: float,
    correlated: float,
    agreement: float,
    p_value: float,
    completeness: float,
    local: float,
) -> Verdict:
    """Say whether there is a domain.

    There is one where two halves of the data, searched by themselves, put the pixels on the same
    places, where these places follow from neighbours alone, and where hardly any neighbours lie
    apart.

    Args:
        kind: one of ``DOMAINS``, as was found.
        samples: n.
        live: pixels that ever change.
        correlated: how far correlations in two halves agree, in standard errors.
        agreement: share of the pixels on which two halves agree.
        p_value: bound of the probability that random places agree so far.
        completeness: as of ``Layout``.
        local: as of ``Layout``.

    >>> judged("lattice", 20_000, 784, 900.0, 1.0, 0.0, 1.0, 1.0).name
    'lattice'
    >>> judged("lattice", 20_000, 64, 300.0, 0.99, 0.0, 0.31, 0.4).name
    'no domain'
    """
    if live < _FEWEST:
        return Verdict(
            "too few positions",
            f"{live:.0f} pixels that ever change have so few orders that halves agree by chance",
        )
    if correlated < _WHITE:
        return Verdict(
            "white",
            f"no two pixels are correlated as far as {samples:,.0f} samples tell, and positions in "
            "any order are as good",
        )
    same = f"two halves of the data place {100 * agreement:.1f} % of {live:.0f} pixels alike"
    fit = (
        f"{100 * completeness:.1f} % lie where their neighbours put them, and {100 * local:.1f} % "
        "of what ties pixels together ties near ones"
    )
    if agreement < AGREE:
        if samples < _ROWS * live:
            return Verdict("too few samples", f"{same}, from {samples:,.0f} samples; {fit}")
        return Verdict("no domain", f"{same}: what is found depends on the samples; {fit}")
    chance = f"p ≤ {max(p_value, _LEAST):.2g}"
    if p_value > LEVEL:
        return Verdict("too few positions", f"{same}, and chance gives as much with {chance}")
    if completeness < COMPLETE or local < LOCAL:
        return Verdict("no domain", f"{same}, but as a {kind} only {fit}")
    return Verdict(kind, f"{same} ({chance}); {fit}")


def judged_stationary(domain: Verdict, share: float, uneven: float) -> Verdict:
    """Say whether the law is stationary along a domain.

    Args:
        domain: the verdict on the domain.
        share: R² of correlations by displacements, on samples that the places are not from.
        uneven: standard deviation of the variance over pixels, of its mean.

    >>> judged_stationary(Verdict("lattice", ""), 0.46, 0.1).name
    'not stationary'
    """
    if not domain.found:
        return Verdict("unknown", "without a domain there is nothing to be stationary along")
    said = (
        f"displacements explain {100 * share:.1f} % of the correlations of samples that the places "
        f"were not found in, and variances differ by {100 * uneven:.0f} % of their mean"
    )
    if share < STATIONARY:
        return Verdict("not stationary", f"{said}: a translation changes the law")
    if uneven > EVEN:
        return Verdict("stationary up to scale", f"{said}: a translation changes sizes alone")
    return Verdict("stationary", said)
