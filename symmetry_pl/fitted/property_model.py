"""A trained generator of molecules with properties that one asks for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

from symmetry_pl.core.registry import check_choice, check_finite
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.generate.asked import askable, draw_asked
from symmetry_pl.generate.judging import Judge
from symmetry_pl.generate.wanted import check_possible, far_off, full_name
from symmetry_pl.stib.property_generator import PropertyGenerator

__all__ = ["PropertyModel"]


class PropertyModel(FittedModel):
    """A trained ``PropertyGenerator``: new molecules with given properties.

    Args:
        module: the trained model.
        batch_size: samples worked through at once.
    """

    module: PropertyGenerator

    @property
    def asked_names(self) -> list[str]:
        """Names of the properties that may be asked for."""
        return askable(self.module, self.data)

    def generate(
        self,
        n: int = 100,
        *,
        properties: Mapping[str, float],
        within: Mapping[str, float] | None = None,
        judge: Literal["model", "rdkit"] = "model",
        seed: int = 0,
    ) -> list[str]:
        """New molecules, each once, as ``symmetry generate --property`` draws them.

        At most 50 n strings are drawn; where that leaves fewer than n molecules, a warning says so.

        Args:
            n: how many.
            properties: values by name, in their own units; what is not named is free. ``logp`` is
                ``logp_rdkit`` for short, as in the next.
            within: largest distances from them by name; molecules beyond are left out.
            judge: whether the model's own sums decide that, or RDKit, which is an oracle then.
            seed: of the draws.

        Returns:
            Canonical SMILES.

        Raises:
            ValueError: for an argument that cannot be used, or a value that no molecule has.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        check_choice("judge", judge, ("model", "rdkit"))
        wanted = self._named("properties", properties)
        if not wanted:
            raise ValueError(f"properties: ask for one at least, of {', '.join(self.asked_names)}")
        for name, value in wanted.items():
            check_possible("properties", name, value)
        near = self._named("within", within or {})
        for name in near:
            if name not in wanted:
                raise ValueError(f"within: no {name} was asked for")
        if judge == "rdkit" and not near:
            raise ValueError("judge rdkit: say within which distance molecules must be")
        if near and judge == "model" and not self.module.told:
            raise ValueError("within: this model says no properties of its own: judge by rdkit")
        for line in far_off({name: [value] for name, value in wanted.items()}, self.data):
            warnings.warn(line, stacklevel=2)
        chosen = Judge(self.data, wanted, near, judge) if near else None
        outcome = draw_asked(self.module, self.data, wanted, n, seed, chosen)
        found = [molecule.smiles for molecule in outcome.molecules]
        if len(found) < n:
            warnings.warn(
                f"only {len(found)} of {n} molecules: {outcome.decoded} strings were drawn, "
                f"{outcome.invalid} of them no molecules, {outcome.duplicates} there already and "
                f"{outcome.strays} too far from what was asked for",
                stacklevel=2,
            )
        return found

    def _named(self, what: str, given: Mapping[str, Any]) -> dict[str, float]:
        """Finite numbers by the names of targets."""
        check_finite(dict(given), what)
        return {full_name(what, name, self.asked_names): float(v) for name, v in given.items()}
