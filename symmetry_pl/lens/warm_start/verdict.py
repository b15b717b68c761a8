"""What a warm start has found, in words, and why."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["AGREE", "LEVEL", "STATIONARY", "VERDICTS", "Verdict", "judged"]

VERDICTS = (
    "chain",
    "ring",
    "closes",
    "lattice",
    "not stationary",
    "no symmetry",
    "too few samples",
    "too few positions",
    "white",
)
LEVEL = 0.05
"""Of the test that the generators of two halves agree by chance."""
STATIONARY = 2.0
"""Times the sampling level that may remain non-stationary."""
AGREE = 0.9
"""Cosine of the generators of two halves from which they are one."""
_ROWS = 100  # a dimension, above which a search that fails is not for want of samples


class Verdict(NamedTuple):
    """One of ``VERDICTS`` and a sentence.

    Args:
        name: ``chain`` and ``ring`` are symmetries that were found.
        because: the figures that say so.
    """

    name: str
    because: str

    @property
    def found(self) -> bool:
        """Whether there is a symmetry."""
        return self.name in ("chain", "ring")


def judged(
    topology: str,
    samples: float,
    dim: int,
    agreement: float,
    p_value: float,
    misfit: float,
    white: float = False,
    closed: float = False,
    height: float = 0,
    width: float = 0,
) -> Verdict:
    """Say what was found.

    A symmetry is found where two halves of the data lead to the same generator, which chance does
    in one of twenty cases at most, and where the whole is stationary along it.

    Args:
        topology: ``chain`` or ``ring``, as was looked for.
        samples: rows in all, or as many independent ones.
        dim: d.
        agreement: cosine of the generators of two halves.
        p_value: that chance alone gives so much.
        misfit: what remains non-stationary, over what sampling leaves.
        white: whether the covariance is a multiple of the identity.
        closed: whether the ends of a chain are neighbours.
        height: rows of the lattice that the inputs were found on, 0 without one.
        width: its columns.

    >>> judged("chain", 10_000, 15, 0.998, 0.001, 0.8).found
    True
    >>> judged("chain", 500, 15, 0.31, 0.4, 0.8).name
    'too few samples'
    >>> judged("chain", 9_000, 64, 0.31, 0.4, 0.8, height=8, width=8).name
    'lattice'
    """
    if white:
        return Verdict(
            "white",
            f"the covariance is a multiple of the identity as far as {samples:,.0f} samples tell, "
            "and positions in any order are as stationary",
        )
    same = f"two halves of the data give generators of cosine {agreement:.3f}"
    if height:
        return Verdict(
            "lattice",
            f"{same}, but the inputs lie on {height:.0f} x {width:.0f} cells, along which there "
            "are two translations and not one: use LensDomain",
        )
    if agreement < AGREE:
        if samples < _ROWS * dim:
            return Verdict(
                "too few samples", f"{same}, from {samples:,.0f} samples of {dim} positions"
            )
        return Verdict("no symmetry", f"{same}: what is found depends on the samples")
    if p_value > LEVEL:
        return Verdict(
            "too few positions",
            f"{same}, and chance gives as much with p = {p_value:.3f}: {dim} positions have few "
            "orders",
        )
    if closed:
        return Verdict(
            "closes",
            f"{same}, and the ends of the chain are neighbours too: it is a ring, which is cut "
            "anywhere: set model.topology ring",
        )
    if misfit > STATIONARY:
        return Verdict(
            "not stationary",
            f"{same} (p = {p_value:.3f}), but along these positions moments differ by "
            f"{misfit:.1f} times what sampling leaves",
        )
    return Verdict(
        topology,
        f"{same} (p = {p_value:.3f}), and along these positions moments differ by {misfit:.1f} "
        "times what sampling leaves",
    )
