"""All groups that elements may be of, each fitted."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symmetry_pl.groups.naming.circles import fit_circle
from symmetry_pl.groups.naming.mixtures import Fit, fit_modes, fit_points, uniform_fit
from symmetry_pl.groups.naming.orientations import (
    axis_frames,
    dihedral_phase,
    find_modes,
    likely_orders,
    polyhedral_frame,
)
from symmetry_pl.groups.naming.sample import Sample
from symmetry_pl.groups.point_groups import cyclic, dihedral, icosahedral, octahedral, tetrahedral
from symmetry_pl.groups.rotations import quaternion_of

__all__ = ["candidates", "group_quaternions", "least_angle"]

_WIDTHS = (0.05, 0.1, 0.2)  # of modes, rad
_SOME = 0.05  # share of half turns across an axis from which D_n is tried, and of others C_n
_POLYHEDRAL = {"T": tetrahedral, "O": octahedral, "I": icosahedral}


def group_quaternions(symbol: str) -> Tensor:
    """Quaternions ``(n, 4)`` of a finite group in its standard orientation."""
    if symbol in _POLYHEDRAL:
        return quaternion_of(_POLYHEDRAL[symbol]().elements)
    n = int(symbol[1:])
    return quaternion_of((cyclic(n) if symbol[0] == "C" else dihedral(n)).elements)


def least_angle(symbol: str) -> float:
    """The least angle between two elements of a finite group, in radians."""
    polyhedral = {"T": 2 * math.pi / 3, "O": math.pi / 2, "I": 2 * math.pi / 5}
    return polyhedral[symbol] if symbol in polyhedral else 2 * math.pi / max(2, int(symbol[1:]))


def candidates(sample: Sample, largest: int) -> list[Fit]:
    """Fits of the groups that samples suggest, of the uniform law, and of free modes.

    Args:
        sample: the elements.
        largest: order of an axis, at most.
    """
    eye = torch.eye(3, dtype=torch.float64)
    fits = [uniform_fit(sample), _finite(sample, "C1", eye, 0)]
    for frame in axis_frames(sample):
        fits += _about(sample, frame, largest)
    if not sample.plane:
        for symbol, group in _POLYHEDRAL.items():
            found = polyhedral_frame(sample, group())
            if found is not None:
                fits.append(_finite(sample, symbol, found, 3))
    return [*fits, *(fit_modes(sample, find_modes(sample, width)) for width in _WIDTHS)]


def _about(sample: Sample, frame: Tensor, largest: int) -> list[Fit]:
    """C_n, D_n and circles about one axis."""
    axis_turns = 0 if sample.plane else 2
    _, flips = dihedral_phase(sample, frame, 1)
    fits = []
    for n in likely_orders(sample, frame, largest):
        if n > 1 and flips < 1 - _SOME:
            fits.append(_finite(sample, f"C{n}", frame, axis_turns))
        if flips > _SOME and (n > 1 or sample.plane):
            turned, _ = dihedral_phase(sample, frame, n)
            fits.append(_finite(sample, f"D{n}", turned, axis_turns + 1))
    fits.append(fit_circle(sample, frame, False))
    if flips > _SOME:
        fits.append(fit_circle(sample, frame, True))
    return fits


def _finite(sample: Sample, symbol: str, frame: Tensor, turns: int) -> Fit:
    elements = group_quaternions(symbol)
    return fit_points(sample, symbol, elements, frame, turns, least_angle(symbol))
