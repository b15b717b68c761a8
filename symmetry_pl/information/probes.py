"""Held-out probes: how much of Y can be read from Z by someone who tries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symmetry_pl.information.ksg import (
    Array,
    as_matrix,
    check_pair,
    ksg,
    standardise_columns,
    whiten,
)
from symmetry_pl.information.regressors import REGRESSORS, Matrix

__all__ = ["KindReport", "ProbeReport", "probe"]

MIN_POINTS = 50
REFITTED = frozenset({"ridge"})  # kinds cheap enough to fit anew to every permutation
NULL_POINTS = 2000  # pairs from which the information of a permutation is estimated
NULL_LEVEL = 0.95


@dataclass(frozen=True)
class KindReport:
    """What one kind of regressor found.

    Attributes:
        mi: KSG estimate of I(prediction; Y), nats.
        r2: Held-out R², mean over the columns of Y.
        r2_columns: Held-out R² of each column of Y.
        mi_null95: 95 % quantile of `mi` under permutation, nats; NaN without permutations.
        r2_null95: 95 % quantile of `r2` under permutation; NaN without permutations.
    """

    mi: float
    r2: float
    r2_columns: tuple[float, ...]
    mi_null95: float
    r2_null95: float


@dataclass(frozen=True)
class ProbeReport:
    """What the most successful of several regressors found; see `probe`.

    Attributes:
        mi: Largest `mi` of all kinds, nats.
        r2: Largest `r2` of all kinds.
        mi_null95: 95 % quantile, over permutations, of the largest `mi` of all kinds, nats.
        r2_null95: 95 % quantile, over permutations, of the largest `r2` of all kinds.
        kinds: The report of each kind.
        folds: Number of folds of the cross-fit.
        permutations: Number of permutations behind the quantiles.
    """

    mi: float
    r2: float
    mi_null95: float
    r2_null95: float
    kinds: dict[str, KindReport]
    folds: int
    permutations: int


class _Null(NamedTuple):
    """R² and information of every permutation, each `(permutations,)`."""

    r2: NDArray[np.float64]
    mi: NDArray[np.float64]


def probe(
    z: Array,
    y: Array,
    kinds: Sequence[str] = ("ridge", "boosting", "mlp"),
    folds: int | None = None,
    k: int = 3,
    permutations: int = 39,
    seed: int = 0,
) -> ProbeReport:
    """Regress Y on Z with several regressors, cross-fitted, and report what the best one found.

    Every point is predicted by a regressor that has not seen it. A prediction is a function of Z,
    so by the data-processing inequality I(prediction; Y) ≤ I(Z; Y): a lower bound that, unlike KSG
    on Z itself, neither the scale nor the number of columns of Z can hide. Regressors predict the
    mean of Y; what Z tells of the spread of Y alone is not seen.

    Beside each figure stands the 95 % quantile of its permutation null: the same figure where Z
    tells nothing. Rows of Y are permuted within folds. Ridge is fitted anew to every permutation.
    For boosting and the MLP, where that would cost minutes, the predictions are kept and paired
    with permuted targets: if Z tells nothing, the held-out targets of a fold are exchangeable
    whatever its regressor learned from the other folds. All kinds share each permutation, and the
    null of the best kind is the quantile of the maximum over kinds. Above 2,000 points the
    information of a permutation comes from 2,000 of the pairs, its deviation from the mean of all
    permutations shrunk by √(2000 / N). With the default of 39 permutations the quantile is the
    second largest value, which an independent code exceeds with probability 2 / 40.

    Args:
        z: Codes, `(N, d)`, N ≥ 50. They are whitened (with fewer than 10 d points: standardised).
        y: Targets, `(N, m)`, standardised before use; R² and information do not depend on that.
        kinds: Any of "ridge", "boosting", "mlp".
        folds: Number of folds ≥ 2; `None` for 5, and 2 from 2,000 points on.
        k: Number of neighbours of KSG.
        permutations: Number of permutations; 0 reports NaN for the quantiles.
        seed: Of folds, regressors, permutations. The global random generators are left alone.

    Returns:
        The worst case for a code that should tell nothing: the largest `mi` and `r2`, their nulls,
        and the figures of each kind. A constant Z or Y gives 0 nats, a constant column of Y R² 0.

    Raises:
        ValueError: If shapes or lengths are wrong, a value is not finite, N < 50, `kinds` is empty
            or unknown, or `folds`, `k` or `permutations` are out of range.
    """
    codes, z_tolerance = as_matrix(z, "z")
    targets, y_tolerance = as_matrix(y, "y")
    check_pair(codes, targets)
    n = len(codes)
    folds = (5 if n < 2000 else 2) if folds is None else folds
    _check_options(n, kinds, folds, permutations)
    wide = n < 10 * codes.shape[1]
    codes = standardise_columns(codes, z_tolerance) if wide else whiten(z)
    targets = standardise_columns(targets, y_tolerance)

    rng = np.random.default_rng(seed)
    fold = rng.permutation(n) % folds
    shuffled = [_permutation_within(fold, rng) for _ in range(permutations)]
    rows = rng.permutation(n)[:NULL_POINTS]
    reports, nulls = {}, []
    for kind in kinds:
        reports[kind], null = _run_kind(kind, codes, targets, fold, shuffled, rows, k, seed)
        nulls.append(null)
    return ProbeReport(
        mi=max(report.mi for report in reports.values()),
        r2=max(report.r2 for report in reports.values()),
        mi_null95=_quantile(np.max([null.mi for null in nulls], axis=0)),
        r2_null95=_quantile(np.max([null.r2 for null in nulls], axis=0)),
        kinds=reports,
        folds=folds,
        permutations=permutations,
    )


def _run_kind(
    kind: str,
    codes: Matrix,
    targets: Matrix,
    fold: NDArray[np.int64],
    shuffled: list[NDArray[np.int64]],
    rows: NDArray[np.int64],
    k: int,
    seed: int,
) -> tuple[KindReport, _Null]:
    """Cross-fit one kind of regressor and score it on the targets and on every permutation."""
    refit = kind in REFITTED
    stacked = np.hstack([targets, *(targets[p] for p in shuffled if refit)])
    predictions = _cross_fit(kind, codes, stacked, fold, seed)
    width = targets.shape[1]
    first, *refitted = (predictions[:, i : i + width] for i in range(0, stacked.shape[1], width))
    pairs = [(refitted[i] if refit else first, targets[p]) for i, p in enumerate(shuffled)]
    null_mi = np.array([_information(p[rows], t[rows], fold[rows], k) for p, t in pairs])
    if len(null_mi):
        shrink = math.sqrt(len(rows) / len(targets))
        null_mi = null_mi.mean() + (null_mi - null_mi.mean()) * shrink
    null = _Null(r2=np.array([_r2(p, t).mean() for p, t in pairs]), mi=null_mi)
    r2 = _r2(first, targets)
    report = KindReport(
        mi=_information(first, targets, fold, k),
        r2=float(r2.mean()),
        r2_columns=tuple(r2.tolist()),
        mi_null95=_quantile(null.mi),
        r2_null95=_quantile(null.r2),
    )
    return report, null


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise ValueError if `kinds` is empty or holds an unknown kind of regressor."""
    if not kinds or not set(kinds) <= set(REGRESSORS):
        raise ValueError(f"kinds must be among {', '.join(REGRESSORS)}, got {list(kinds)}.")


def _check_options(n: int, kinds: Sequence[str], folds: int, permutations: int) -> None:
    if n < MIN_POINTS:
        raise ValueError(f"a held-out probe needs at least {MIN_POINTS} points, got {n}.")
    check_kinds(kinds)
    if not 2 <= folds <= n // 10:
        raise ValueError(f"folds must lie between 2 and N / 10 = {n // 10}, got {folds}.")
    if permutations < 0:
        raise ValueError(f"permutations must not be negative, got {permutations}.")


def _permutation_within(fold: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a random permutation of the row numbers that keeps every row in its fold."""
    order = np.empty(len(fold), dtype=np.int64)
    for i in np.unique(fold):
        (members,) = np.nonzero(fold == i)
        order[members] = rng.permutation(members)
    return order


def _cross_fit(
    kind: str, codes: Matrix, targets: Matrix, fold: NDArray[np.int64], seed: int
) -> Matrix:
    predictions = np.empty_like(targets)
    for i in np.unique(fold):
        train, test = fold != i, fold == i
        predictions[test] = REGRESSORS[kind](codes[train], targets[train], codes[test], seed)
    return predictions


def _r2(predictions: Matrix, targets: Matrix) -> Matrix:
    """Return the R² of every column; 0 where the target is constant."""
    error = np.square(targets - predictions).sum(axis=0)
    total = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    r2: Matrix = np.where(total > 0, 1 - error / np.where(total > 0, total, 1.0), 0.0)
    return r2


def _information(predictions: Matrix, targets: Matrix, fold: NDArray[np.int64], k: int) -> float:
    """Return I(prediction; Y) by KSG, whitened, with the mean prediction of each fold removed.

    Those means differ with the training targets and would tell which fold a point is in.
    """
    deviation = predictions.copy()
    for i in np.unique(fold):
        deviation[fold == i] -= deviation[fold == i].mean(axis=0)
    # Targets have unit scale: what is left of a constant prediction is rounding, not a signal. That
    # of a network in single precision depends on the processor, which may treat rows differently.
    deviation[:, np.abs(deviation).max(axis=0) < 1e-5] = 0.0
    return ksg(np.round(deviation, 10), targets, k=k, whiten=True)


def _quantile(values: NDArray[np.float64]) -> float:
    return float(np.quantile(values, NULL_LEVEL, method="higher")) if len(values) else math.nan
