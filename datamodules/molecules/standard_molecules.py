"""Molecules of a file in their one spelling, computed once: canonical SMILES and a language's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import rdBase

from symmetry_pl.core.bad_rows import BadRow
from symmetry_pl.datamodules.files.derived import DerivedColumns
from symmetry_pl.molecules import Representation, standardise

__all__ = ["StandardMolecules", "standard_molecules"]

_BAD = "!"  # marks a reason where a text would stand; no SMILES starts with it
_COSTS = {"selfies": " (½ ms each)"}


@dataclass(frozen=True)
class StandardMolecules:
    """The molecules of some rows of a file.

    Args:
        derived: where computed columns are kept.
        smiles: of all rows, as they stand in the file.
        rows: those with a molecule.
        canonical: RDKit's canonical SMILES of all rows, empty where there is none ``(N,)``.
        changes: what ``standardise`` changed, a name for each change.
    """

    derived: DerivedColumns
    smiles: Sequence[str]
    rows: list[int]
    canonical: list[str]
    changes: tuple[str, ...]

    def spelled(self, language: Representation, bad: dict[int, BadRow]) -> list[str]:
        """One string a row in a language ``(N,)``; rows that have none are added to ``bad``."""

        def text(row: int) -> str:
            try:
                return language.text(language.spell(self.canonical[row]))
            except ValueError as error:
                return f"{_BAD}{error}"

        cost = _COSTS.get(language.name, "")
        texts = self.derived.column(language.version, self.rows, text, cost)
        _note_bad(self.rows, self.smiles, texts, bad)
        return texts


def standard_molecules(
    derived: DerivedColumns, smiles: Sequence[str], rows: Sequence[int], bad: dict[int, BadRow]
) -> StandardMolecules:
    """Standardise the molecules of some rows.

    Args:
        derived: where computed columns are kept.
        smiles: of all rows.
        rows: those asked for.
        bad: rows that are known to be unusable; those with no molecule are added.
    """
    texts = derived.column(
        f"standard-rdkit-{rdBase.rdkitVersion}",
        [row for row in rows if row not in bad],
        lambda row: _standard(smiles[row]),
    )
    good = _note_bad([row for row in rows if row not in bad], smiles, texts, bad)
    canonical, changes = [""] * len(smiles), []
    for row in good:
        canonical[row], _, changed = texts[row].partition("\t")
        changes += changed.split(",") if changed else []
    return StandardMolecules(derived, smiles, good, canonical, tuple(changes))


def _standard(smiles: str) -> str:
    """The canonical SMILES and, behind a tab, what was changed; or why there is none."""
    try:
        canonical, changes = standardise(smiles)
    except ValueError as error:
        return f"{_BAD}{error}"
    return f"{canonical}\t{','.join(changes)}" if changes else canonical


def _note_bad(
    rows: Sequence[int], smiles: Sequence[str], column: Sequence[str], bad: dict[int, BadRow]
) -> list[int]:
    """The rows not known as bad, once the reasons that stand in a column are added."""
    for row in rows:
        if column[row].startswith(_BAD):
            reason = column[row].removeprefix(_BAD)
            bad.setdefault(row, BadRow(row, smiles[row], reason, column="smiles"))
    return [row for row in rows if row not in bad]
