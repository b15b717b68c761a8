"""Whether a molecule is near enough to what was asked for: by the model, or by RDKit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from symmetry_pl.core import DataDescription
from symmetry_pl.molecules import PROPERTIES

__all__ = ["Judge", "computed_property"]


def computed_property(name: str) -> Callable[[str], float] | None:
    """What computes a target from SMILES, where RDKit does; None of any other target.

    >>> computed_property("qed_rdkit") is computed_property("qed")
    True
    >>> computed_property("gap")
    """
    return PROPERTIES.get(f"{name.removesuffix('_rdkit')}_rdkit")


@dataclass
class Judge:
    """Keeps molecules within a distance of what was asked for.

    Args:
        data: names of the targets.
        wanted: values asked for, by name and in their own units.
        within: largest distances from them, by name.
        by: ``model``, by its own numbers; or ``rdkit``, which then is an oracle that is called.
        calls: molecules that RDKit has been asked about.

    Raises:
        ValueError: for a distance from what was not asked for, or that RDKit does not compute.
    """

    data: DataDescription
    wanted: Mapping[str, float]
    within: Mapping[str, float]
    by: str = "model"
    calls: int = 0

    def __post_init__(self) -> None:
        for name in self.within:
            if name not in self.wanted:
                raise ValueError(f"--within: no {name} was asked for with --property")
            if self.by == "rdkit" and computed_property(name) is None:
                raise ValueError(f"--judge rdkit: RDKit does not compute {name}")

    def keeps(self, smiles: str, y: Tensor | None) -> bool:
        """Whether a molecule is near enough.

        Args:
            smiles: of the molecule.
            y: its targets by the model, in their own units ``(t,)``; None where it says none.
        """
        if not self.within:
            return True
        if self.by == "rdkit":
            self.calls += 1
        return all(
            abs(self._value(name, smiles, y) - self.wanted[name]) <= distance
            for name, distance in self.within.items()
        )

    def _value(self, name: str, smiles: str, y: Tensor | None) -> float:
        if self.by == "rdkit":
            function = computed_property(name)
            assert function is not None
            return function(smiles)
        assert y is not None  # the command asks no model that says none
        return float(y[self.data.target_names.index(name)])
