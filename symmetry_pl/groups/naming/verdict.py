"""From fitted groups to a verdict: which, whether anything is missing, and how sure."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import binom
from torch import Tensor

from symmetry_pl.groups.naming.candidates import least_angle
from symmetry_pl.groups.naming.evidence import (
    BALL,
    SHARE,
    SURE,
    all_present,
    ball_counts,
    closure_p_value,
    even_p_value,
    few,
    hollow,
    uniform_p_value,
)
from symmetry_pl.groups.naming.handedness import handed
from symmetry_pl.groups.naming.mixtures import Fit
from symmetry_pl.groups.naming.named_group import Axis, NamedGroup
from symmetry_pl.groups.naming.sample import Sample
from symmetry_pl.groups.rotations import (
    angles_between,
    matrix_of,
    multiply,
    quaternion_of,
    rotation_of,
)

__all__ = ["judge"]

_OUTLIERS = 0.5  # share from which elements are of no group
_EVEN = 0.05
_HOLLOW = 0.1  # part of the group with few elements, up to which a law has all of it
_ARCS_A_PART = 3  # whose presence is tested: eighths of a circle
_TITLES = {
    "T": "T (tetrahedral rotations, 12 elements)",
    "O": "O (octahedral rotations, 24 elements)",
    "I": "I (icosahedral rotations, 60 elements)",
}


def judge(sample: Sample, fits: list[Fit], tolerance: float) -> NamedGroup:
    """The verdict on fits of ``candidates``."""
    best = min(fits, key=lambda fit: fit.bic)
    finite = [fit for fit in fits if len(fit.elements) and fit.symbol != "modes"]
    if best.symbol == "modes":
        near = [fit for fit in finite if _within(best, fit, tolerance)]
        best = min(near, key=lambda fit: fit.bic) if near else best
    if best.symbol == "modes":
        return _modes(sample, best)
    if best.symbol == "all":
        return _everything(sample, best)
    return _finite(sample, best) if len(best.elements) else _circle(sample, best)


def _finite(sample: Sample, fit: Fit) -> NamedGroup:
    """A finite group, unless elements of it are missing."""
    k, inside = len(fit.elements), float(fit.counts.sum())
    errors = _errors(sample, fit, inside / k)
    missing, chance = few(fit.counts, inside / k)
    if fit.outliers > _OUTLIERS:
        return _none(
            sample,
            f"{fit.outliers:.0%} of the elements are off {fit.symbol}, the group next to them",
            errors,
        )
    if missing and chance < SURE:
        hint = ""
        if fit.counts[0] < SHARE * inside / k:
            hint = ", the identity among them (elements of a coset are named with coset=)"
        verb = "is" if missing == 1 else "are"
        return _none(
            sample, f"{missing} of the {k} elements of {fit.symbol} {verb} missing{hint}", errors
        )
    sides = _sides(sample, fit)
    if sides is None:
        return _none(sample, f"what does not mirror is no subgroup of half of {fit.symbol}", errors)
    symbol, there = sides
    parts = torch.stack([fit.counts - fit.mirrored, fit.mirrored], 1)[there]
    parts = fit.counts if sample.plane else parts
    if k == 1:
        p = float(binom.sf(round(inside) - 1, round(sample.count), 0.5))
    else:
        reach = min(3.5 * fit.jitter, least_angle(fit.symbol) / 2)
        p = all_present(parts, fit.outliers * sample.count * sample.within(reach))
        if not (sample.plane and fit.symbol == "D1"):  # every mirror image is of order 2
            modes = multiply(quaternion_of(rotation_of(fit.means)), fit.elements)
            p = max(p, closure_p_value(sample, modes))
    because = (
        f"{inside / sample.count:.0%} of the samples are at its elements ({len(parts)}), with a "
        f"jitter of {math.degrees(fit.jitter):.2g}°, and none of these is missing"
    )
    signs = torch.where(there, fit.counts.new_tensor([1.0, -1.0]), 0.0)
    sided = signs[:, :, None, None] * matrix_of(fit.elements)[:, None]
    group = sided[there]
    if sample.plane:
        group = group[:, :2, :2]
    spreads = fit.spreads if sample.plane else fit.spreads[:, None].expand(k, 2)[there]
    errors["uniform_p"] = uniform_p_value(parts, spreads)
    axes = () if sample.plane else _axes(fit)
    return NamedGroup(
        _title(symbol, axes, sample.plane),
        symbol,
        len(group),
        axes,
        p,
        errors["uniform_p"] > _EVEN,
        errors,
        because,
        group.numpy(),
    )


def _circle(sample: Sample, fit: Fit) -> NamedGroup:
    """Rotations about an axis, unless arcs of them are missing."""
    inside = float(fit.counts.sum())
    errors = _errors(sample, fit, inside)
    expected = inside / len(fit.counts)
    missing, chance = few(fit.counts, expected)
    axis = _signed(fit.frame[:, 2])
    where = "" if sample.plane else f" about {_written(axis)}"
    if fit.outliers > _OUTLIERS:
        return _none(
            sample, f"{fit.outliers:.0%} of the elements are off {fit.symbol}{where}", errors
        )
    if missing and chance < SURE:
        share = missing / len(fit.counts)
        return _none(sample, f"{share:.0%} of {fit.symbol}{where} is missing", errors)
    sides = _sides(sample, fit)
    if sides is None:
        return _none(
            sample, f"what does not mirror is no subgroup of half of {fit.symbol}{where}", errors
        )
    parts = fit.counts.view(-1, _ARCS_A_PART).sum(1)
    p = all_present(parts, SHARE * float(parts.mean()))
    errors["uniform_p"] = uniform_p_value(fit.counts, fit.spreads)
    return NamedGroup(
        f"{sides[0]}{where}",
        sides[0],
        math.inf,
        () if sample.plane else (Axis(math.inf, axis),),
        p,
        errors["uniform_p"] > _EVEN,
        errors,
        f"{inside / sample.count:.0%} of the elements turn about one axis, by every angle",
        _no_elements(sample),
    )


def _everything(sample: Sample, fit: Fit) -> NamedGroup:
    """All of the group, unless parts of it are empty."""
    errors = {"outliers": 0.0}
    counts = ball_counts(sample)
    missing, chance = few(counts, BALL * sample.count, disjoint=False)
    if missing and chance < SURE:
        return _none(
            sample, "elements crowd about no elements of a group, and leave parts empty", errors
        )
    least = round(float(counts.min()))
    p = float(binom.sf(least - 1, round(sample.count), SHARE * BALL))
    mirrored = sample.weights[sample.mirrors].sum()[None]
    name = "SO(3)"
    if sample.plane:
        name = "O(2)" if bool(sample.mirrors.any()) else "SO(2)"
    if not sample.plane:
        sides = handed("all", sample.q[:0], sample.weights.sum()[None], mirrored)
        if sides is None:
            return _none(sample, "all elements mirror", errors)
        name = "O(3)" if sides[0] == "O(3)" else name
    errors["uniform_p"] = even_p_value(sample)
    return NamedGroup(
        name,
        name,
        math.inf,
        (),
        p,
        errors["uniform_p"] > _EVEN,
        errors,
        "elements crowd nowhere, and leave no part of the group empty",
        _no_elements(sample),
    )


def _modes(sample: Sample, fit: Fit) -> NamedGroup:
    """Modes that are no group's, unless they are the bumps of a law on all of the group."""
    missing, chance = few(ball_counts(sample), BALL * sample.count, disjoint=False)
    if not (missing and chance < SURE) and hollow(sample, fit) < _HOLLOW:
        return _everything(sample, fit)
    modes = fit.elements[fit.shares > SHARE / len(fit.shares)]
    products = multiply(modes[:, None], modes).flatten(0, 1)
    off = angles_between(products, modes).amin(1)
    open_ = int((off > max(3 * fit.jitter, 0.05)).sum())
    one = float(angles_between(modes, modes.new_tensor([[1.0, 0, 0, 0]])).min())
    errors = {"jitter": math.degrees(fit.jitter), "outliers": fit.outliers}
    identity = "with" if one < 3 * fit.jitter else "without"
    return _none(
        sample,
        f"elements crowd about {len(modes)} places, {identity} the identity, and {open_} of their "
        f"{len(products)} products are at none of them",
        errors,
    )


def _within(modes: Fit, group: Fit, tolerance: float) -> bool:
    """Whether all modes are at elements of a group, but for tolerance and standard errors."""
    large = modes.shares > SHARE / len(modes.shares)
    off = angles_between(modes.elements[large], group.elements).amin(1)
    error = modes.jitter / modes.counts[large].clamp(min=1).sqrt()
    near = bool((off < math.radians(tolerance) + 4 * error).all())
    return near and group.jitter < 1.5 * modes.jitter + math.radians(tolerance)


def _sides(sample: Sample, fit: Fit) -> tuple[str, Tensor] | None:
    """The symbol with what mirrors, and which sides of each part are there."""
    if sample.plane:
        there = torch.zeros(len(fit.counts), 2, dtype=torch.bool)
        there[:, 0] = True
        return fit.symbol, there
    return handed(fit.symbol, fit.elements, fit.counts, fit.mirrored)


def _none(sample: Sample, because: str, errors: dict[str, float]) -> NamedGroup:
    name = f"not a group: {because}"
    return NamedGroup(name, "", None, (), 1.0, None, errors, because, _no_elements(sample))


def _no_elements(sample: Sample) -> npt.NDArray[np.float64]:
    d = 2 if sample.plane else 3
    return np.zeros((0, d, d))


def _errors(sample: Sample, fit: Fit, each: float) -> dict[str, float]:
    """Standard errors in degrees."""
    spread = fit.covariance
    if fit.symbol in ("SO(2)", "O(2)") or fit.symbol[0] == "C":
        across = torch.eye(3, dtype=spread.dtype) - torch.outer(fit.frame[:, 2], fit.frame[:, 2])
        spread = spread if sample.plane else across @ spread @ across
    axis = float(torch.linalg.eigvalsh(spread)[-1].clamp(min=0).sqrt())
    return {
        "axis": math.degrees(axis),
        "element": math.degrees(fit.jitter / math.sqrt(max(each, 1.0))),
        "jitter": math.degrees(fit.jitter),
        "outliers": fit.outliers,
    }


def _axes(fit: Fit) -> tuple[Axis, ...]:
    """The axes of a finite group of rotations, those of the highest order first."""
    found: list[tuple[float, tuple[float, float, float]]] = []
    left = fit.elements[1:]
    while len(left):  # each round takes one out at least
        axis = left[0, 1:] / left[0, 1:].norm()
        same = (left[:, 1:] @ axis).abs() > 0.999 * left[:, 1:].norm(dim=1)
        same[0] = True
        found.append((int(same.sum()) + 1, _signed(axis)))
        left = left[~same]
    found.sort(key=lambda one: -one[0])
    return tuple(Axis(*one) for one in found)


def _signed(axis: Tensor) -> tuple[float, float, float]:
    """A unit vector whose first entry that is not about 0 is positive."""
    first = axis[axis.abs() > 0.05][0]
    x, y, z = (axis * first.sign()).tolist()
    return x, y, z


def _written(axis: tuple[float, float, float]) -> str:
    return "(" + ", ".join(f"{round(x, 2) + 0.0:.2f}" for x in axis) + ")"


def _title(symbol: str, axes: tuple[Axis, ...], plane: bool) -> str:
    if symbol == "C1":
        return "no symmetry (identity alone)"
    if symbol in _TITLES or plane or not axes or symbol[0] in "TOI":
        return _TITLES.get(symbol, symbol)
    return f"{symbol} about {_written(axes[0].direction)}"
