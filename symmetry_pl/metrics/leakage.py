"""What a code that should tell nothing of the target tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities import rank_zero_warn

from symmetry_pl.information.ksg import ksg
from symmetry_pl.information.probes import MIN_POINTS, check_kinds, probe
from symmetry_pl.metrics.dealt import DealtMetric

__all__ = ["Leakage"]


class Leakage(DealtMetric):
    """Information between a code Z0 and the target Y, by estimators that fail in different ways.

    `compute` returns a dict of scalars (information in nats):

    - `mi_z0_y`: KSG on Z0 as it is, the protocol of STIB (k = 20; printed there in bits).
      Under-reads what hides in a column of small scale or among many columns.
    - `mi_z0_y_white`: KSG on whitened Z0 and Y, from which no small scale hides.
    - with `probe=True`: `mi_z0_y_probe` and `probe_r2_z0_y`, the most a held-out regressor finds;
      `mi_z0_y_probe_null95` and `probe_r2_z0_y_null95`, the 95 % quantiles of their permutation
      nulls; `probe/<kind>_mi` and `probe/<kind>_r2` of every kind of regressor.

    A low `mi_z0_y` beside a probe above its null is a leak. With too few points for an estimator
    (as in a sanity check of two batches) its values are NaN, and a warning says so.

    Args:
        k: Number of neighbours of KSG on Z0.
        probe: Whether to run the probes too (seconds for 10,000 points).
        kinds: The regressors of the probe, of "ridge", "boosting", "mlp".
        permutations: Of the null of the probe.
        max_points: Random subsample to estimate from if there are more points; `None` uses all.
        seed: Of the subsample, the jitter and the probe.
        **kwargs: As of `torchmetrics.Metric`.

    Raises:
        ValueError: If `kinds` is empty or unknown, or k < 1.

    Example:
        >>> leakage = Leakage(k=3)
        >>> leakage.update(torch.ones(30, 2), torch.linspace(0, 1, 30)[:, None])
        >>> leakage.compute()
        {'mi_z0_y': tensor(0.), 'mi_z0_y_white': tensor(0.)}
    """

    higher_is_better = False
    is_differentiable = False
    z0: list[Tensor]
    y: list[Tensor]

    def __init__(
        self,
        k: int = 20,
        probe: bool = False,
        kinds: Sequence[str] = ("ridge", "boosting", "mlp"),
        permutations: int = 39,
        max_points: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Refused here, not after the epochs that lead to the first probe.
        check_kinds(kinds)
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}.")
        self.k = k
        self.probe = probe
        self.kinds = tuple(kinds)
        self.permutations = permutations
        self.max_points = max_points
        self.seed = seed
        self.add_state("z0", [], dist_reduce_fx="cat")
        self.add_state("y", [], dist_reduce_fx="cat")

    def update(self, z0: Tensor, y: Tensor) -> None:
        """Add a batch of codes `(B, d)` and targets `(B, m)`, else ValueError."""
        if z0.ndim != 2 or y.ndim != 2 or len(z0) != len(y):
            raise ValueError(
                f"z0 and y must be (B, d) and (B, m), got {tuple(z0.shape)} and {tuple(y.shape)}."
            )
        self._deal(len(z0))
        self.z0.append(z0.detach())
        self.y.append(y.detach())

    def compute(self) -> dict[str, Tensor]:
        """Return the figures over all batches, scalars by name."""
        if not len(self.z0):
            raise ValueError("Leakage has seen no samples: call update before compute.")
        z0, y = self._in_order(self.z0, self.y)
        device = z0.device
        z0, y = z0.cpu(), y.cpu()
        if self.max_points is not None and len(z0) > self.max_points:
            generator = torch.Generator().manual_seed(self.seed)
            rows = torch.randperm(len(z0), generator=generator)[: self.max_points]
            z0, y = z0[rows], y[rows]
        values = self._neighbours(z0, y) | (self._probe(z0, y) if self.probe else {})
        return {name: torch.tensor(value, device=device) for name, value in values.items()}

    def _neighbours(self, z0: Tensor, y: Tensor) -> dict[str, float]:
        if len(z0) <= max(self.k, z0.shape[1], y.shape[1]):
            rank_zero_warn(f"mi_z0_y is NaN: {len(z0)} points are too few for KSG at k = {self.k}.")
            return {"mi_z0_y": float("nan"), "mi_z0_y_white": float("nan")}
        return {
            "mi_z0_y": ksg(z0, y, k=self.k, seed=self.seed),
            "mi_z0_y_white": ksg(z0, y, k=self.k, whiten=True, seed=self.seed),
        }

    def _probe(self, z0: Tensor, y: Tensor) -> dict[str, float]:
        names = [f"probe/{kind}_{figure}" for kind in self.kinds for figure in ("mi", "r2")]
        summary = (
            "mi_z0_y_probe",
            "probe_r2_z0_y",
            "mi_z0_y_probe_null95",
            "probe_r2_z0_y_null95",
        )
        if len(z0) < MIN_POINTS:
            rank_zero_warn(f"mi_z0_y_probe is NaN: {len(z0)} points are too few for a probe.")
            return dict.fromkeys((*summary, *names), float("nan"))
        report = probe(z0, y, self.kinds, permutations=self.permutations, seed=self.seed)
        values = (report.mi, report.r2, report.mi_null95, report.r2_null95)
        per_kind = [v for r in report.kinds.values() for v in (r.mi, r.r2)]
        return dict(zip(summary, values, strict=True)) | dict(zip(names, per_kind, strict=True))
