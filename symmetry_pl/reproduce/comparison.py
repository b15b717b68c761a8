"""Figures that were made here beside those that are stored, and whether they agree."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from symmetry_pl.reproduce.evidence import place, place_of
from symmetry_pl.reproduce.experiment import Experiment

__all__ = ["AGREES", "Compared", "compared"]

AGREES = (3.0, 0.05)
"""Within so many stored standard deviations, or this share of the stored value, figures agree."""
_SHOWN = 3


@dataclass(frozen=True)
class Compared:
    """One figure of one row.

    Args:
        dataset: of the row.
        system: what a reader sees.
        metric: its name in the catalogue.
        here: values by seed, of the runs made here.
        stored: values by seed, of the stored results; empty without them.
        published: by the paper, None without.
        cpu_s: of a fit here, the mean.
        stored_cpu_s: of a stored one; None without.
    """

    dataset: str
    system: str
    metric: str
    here: tuple[float, ...]
    stored: tuple[float, ...] = ()
    published: float | None = None
    cpu_s: float = 0.0
    stored_cpu_s: float | None = None

    @property
    def mean(self) -> float:
        """Of the values here."""
        return statistics.fmean(self.here)

    @property
    def stored_mean(self) -> float | None:
        """Of the stored values; None without them."""
        return statistics.fmean(self.stored) if self.stored else None

    @property
    def stored_deviation(self) -> float:
        """Of the stored values over seeds; 0 for one."""
        return statistics.stdev(self.stored) if len(self.stored) > 1 else 0.0

    @property
    def agrees(self) -> bool | None:
        """Whether the means are as near as ``AGREES`` says; None where nothing is stored.

        >>> Compared("", "", "", here=(1.04,), stored=(1.0,)).agrees
        True
        >>> Compared("", "", "", here=(0.5,), stored=(0.1, 0.3)).agrees  # deviation .14
        True
        >>> Compared("", "", "", here=(1.2,), stored=(1.0,)).agrees
        False
        """
        if self.stored_mean is None:
            return None
        deviations, share = AGREES
        near = max(deviations * self.stored_deviation, share * abs(self.stored_mean))
        return abs(self.mean - self.stored_mean) <= near


def compared(
    experiment: Experiment, content: Mapping[str, Any], stored: Mapping[str, Any] | None
) -> list[Compared]:
    """The first figures of each row made here, beside the stored ones of the same name.

    Args:
        experiment: the table.
        content: of the results file made here.
        stored: of the stored one, where there is one.
    """
    theirs: dict[tuple[str, str, str], Any] = {
        (*place(row), row["metric"]): row for row in (stored or {"rows": []})["rows"]
    }
    return list(_compared(experiment, content, theirs))


def _compared(
    experiment: Experiment, content: Mapping[str, Any], theirs: Mapping[tuple[str, str, str], Any]
) -> Iterator[Compared]:
    for system in experiment.systems:
        where = place_of(experiment, system)
        rows = {row["metric"]: row for row in content["rows"] if place(row) == where}
        shown = [name for name in experiment.metrics if name in rows][:_SHOWN]
        for name in shown:
            row, other = rows[name], theirs.get((*where, name))
            yield Compared(
                dataset=where[0] if system.dataset else "",
                system=system.label,
                metric=name,
                here=tuple(row["values"]),
                stored=tuple(other["values"]) if other else (),
                published=row["paper"],
                cpu_s=statistics.fmean(row["cpu_s"]),
                stored_cpu_s=statistics.fmean(other["cpu_s"]) if other else None,
            )
