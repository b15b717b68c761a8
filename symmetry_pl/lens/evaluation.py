"""Learned generators against the true ones, where the data know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Evaluator, Stage
from symmetry_pl.groups.domain import Domain, as_domain
from symmetry_pl.groups.invariants import INVARIANTS
from symmetry_pl.metrics.generator import generator_scores

if TYPE_CHECKING:
    from symmetry_pl.core import DataDescription

_SHOWN = 64  # samples kept for the figures


class GeneratorEvaluator(Evaluator):
    """``generator_cosine`` and ``generator_power`` of whatever learns generators.

    A subclass adds ``objective`` and figures of its own; the truth never reaches training.
    """

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Keep the first samples for the painter."""
        self.show(_SHOWN, x=batch[0])

    def truth(self, data: DataDescription | None) -> tuple[list[list[float]], Domain] | None:
        """The hidden basis and where positions lie, where the data know them."""
        return true_symmetry(data)

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """Each learned generator beside the true one that is next to it."""
        truth = self.truth(model.data)
        if truth is None:
            return {}
        scores = generator_scores(model.generators(), *truth)
        return {name: torch.tensor(value) for name, value in scores.items()}


def true_symmetry(data: DataDescription | None) -> tuple[list[list[float]], Domain] | None:
    """The hidden basis ``(d, d)``, row k the direction of position k, and where positions lie.

    ``extra`` names the domain as ``axes`` (length and topology of each), or as the ``topology`` of
    a single line.
    """
    extra = {} if data is None else data.extra
    if "ideal_basis" not in extra:
        return None
    basis: list[list[float]] = extra["ideal_basis"]
    if "axes" in extra:
        return basis, as_domain(true_domain(extra), len(basis))
    return basis, as_domain(extra["topology"], len(basis))


def true_domain(extra: dict[str, Any]) -> Domain:
    """The cells that ``axes`` names, a length and a topology each."""
    return Domain(tuple((int(length), topology) for length, topology in extra["axes"]))


def conserved(data: DataDescription | None, x: Tensor) -> Tensor | None:
    """What the true group conserves, of samples ``(B, d)``, ``(B, b)``; None where none says."""
    name = None if data is None else data.extra.get("invariant")
    return None if name is None else torch.from_numpy(INVARIANTS[name](x.double().cpu().numpy()))


def true_algebra(data: DataDescription | None) -> tuple[Tensor, Tensor | None] | None:
    """A basis of the true Lie algebra ``(k, n, n)`` and its form ``(n, n)``, float64.

    ``extra`` has them as ``algebra``, which is empty where there is no symmetry, and, the diagonal
    alone, ``form``, which is empty or missing where the group leaves more than one form alone.
    """
    extra = {} if data is None else data.extra
    if "algebra" not in extra:
        return None
    algebra, form = (
        torch.tensor(extra.get(key, []), dtype=torch.float64) for key in ("algebra", "form")
    )
    return algebra, torch.diag(form) if len(form) else None
