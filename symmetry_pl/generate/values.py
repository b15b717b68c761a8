"""Molecules at several values of one property: what was asked for against what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symmetry_pl.core import DataDescription
from symmetry_pl.datamodules.molecules.molecule_data import MoleculeDataModule
from symmetry_pl.generate.judging import computed_property
from symmetry_pl.generate.sampling import Molecule, Outcome, encode
from symmetry_pl.stib.invariance import InvarianceModule

__all__ = ["Answer", "HeldOutError", "held_out_error", "pooled", "report", "summary"]

_TESTED = 10_000  # held-out molecules that the model's own error is measured on


@dataclass(frozen=True)
class Answer:
    """What was generated for one value of a property.

    Args:
        asked: the value, in the property's unit.
        outcome: the molecules, and what became of the rest.
        predicted: the property of each molecule, as the model predicts it after encoding the
            molecule again; empty for a model that predicts none.
        computed: the property of each as RDKit computes it; empty where it does not.
    """

    asked: float
    outcome: Outcome
    predicted: tuple[float, ...]
    computed: tuple[float, ...]

    @classmethod
    def of(cls, asked: float, outcome: Outcome, name: str, data: DataDescription) -> Answer:
        """Read the property off the molecules."""
        i, function = data.target_names.index(name), computed_property(name)
        predicted = tuple(float(m.y[i]) for m in outcome.molecules if m.y is not None)
        computed = () if function is None else tuple(function(m.smiles) for m in outcome.molecules)
        return cls(asked, outcome, predicted, computed)

    def errors(self, kind: str) -> list[float]:
        """``|value − asked|`` of each molecule, with the ``predicted`` or ``computed`` value."""
        return [abs(value - self.asked) for value in getattr(self, kind)]


@dataclass(frozen=True)
class HeldOutError:
    """Mean absolute error of a model on molecules it was not trained on.

    Args:
        mae: in the property's unit.
        molecules: how many.
    """

    mae: float
    molecules: int


def held_out_error(
    model: InvarianceModule, data: DataDescription, held: MoleculeDataModule, name: str
) -> HeldOutError | None:
    """Error of the predicted property on the test set, of which 10,000 molecules are enough.

    Returns:
        None for a model that predicts nothing, and for an empty test set.
    """
    if model.needs_targets:
        return None
    known: Any = held.test_dataloader().dataset
    x, y = known.tokens[:_TESTED], known.y[:_TESTED]
    if not len(x):
        return None
    i = data.target_names.index(name)
    found = model.physical(encode(model, x).y) - model.physical(y.to(model.dtype))
    return HeldOutError(float(found[:, i].abs().mean()), len(x))


def pooled(answers: Sequence[Answer]) -> Outcome:
    """All molecules, each once, and all counts; one found at two values is a duplicate."""
    found: dict[str, Molecule] = {}
    for answer in answers:
        found |= {m.smiles: m for m in answer.outcome.molecules}
    outcomes = [answer.outcome for answer in answers]
    repeated = sum(len(o.molecules) for o in outcomes) - len(found)
    return Outcome(
        molecules=list(found.values()),
        decoded=sum(o.decoded for o in outcomes),
        invalid=sum(o.invalid for o in outcomes),
        duplicates=sum(o.duplicates for o in outcomes) + repeated,
        strays=sum(o.strays for o in outcomes),
    )


def summary(answers: Sequence[Answer], known: set[str] | None) -> dict[str, Any]:
    """Figures of merit of each value and over all, ready for JSON; null where there is none.

    ``self_consistency_mae`` is the mean of |predicted − asked| and ``rdkit_mae`` that of
    |computed − asked|, both over molecules and in the property's unit. ``validity`` and
    ``uniqueness`` are shares of decoded codes and of valid ones, ``novelty`` is the share of the
    molecules that are not among ``known``.
    """
    rows = [
        {"asked": a.asked, **_counts(a.outcome, known), **_errors([a])}  #
        for a in answers
    ]
    return {"values": rows, "overall": _counts(pooled(answers), known) | _errors(answers)}


def report(name: str, unit: str, made: dict[str, Any]) -> list[str]:
    """The summary as a table for the terminal, one line a value and one over all."""
    columns = {
        "molecules": "molecules",
        "decoded": "decoded",
        "validity": "valid",
        "uniqueness": "unique",
        "novelty": "new",
        "self_consistency_mae": "predicted MAE",
        "rdkit_mae": "RDKit MAE",
    }
    first = f"{name} [{unit}]" if unit else name
    cells = [[first, *columns.values()]]
    for row in [*made["values"], {"asked": "all", **made["overall"]}]:
        cells.append([_cell(row[key]) for key in ("asked", *columns)])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]


def _cell(value: float | str | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _counts(outcome: Outcome, known: set[str] | None) -> dict[str, Any]:
    some = bool(outcome.molecules)
    return {
        "molecules": len(outcome.molecules),
        "decoded": outcome.decoded,
        "invalid": outcome.invalid,
        "duplicates": outcome.duplicates,
        "strays": outcome.strays,
        "validity": outcome.validity,
        "uniqueness": outcome.uniqueness,
        "novelty": outcome.novelty(known) if known is not None and some else None,
    }


def _errors(answers: Sequence[Answer]) -> dict[str, float | None]:
    means = {}
    for name, kind in (("self_consistency_mae", "predicted"), ("rdkit_mae", "computed")):
        errors = [e for a in answers for e in a.errors(kind)]
        means[name] = sum(errors) / len(errors) if errors else None
    return means
