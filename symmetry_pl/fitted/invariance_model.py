"""A trained bottleneck method on NumPy arrays and SMILES."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.registry import check_finite
from symmetry_pl.datamodules.vectors.scaling import from_standard
from symmetry_pl.datamodules.vectors.vector_data import normal_noise
from symmetry_pl.fitted.inputs import OnInvalid, real_rows
from symmetry_pl.fitted.model import FittedModel
from symmetry_pl.generate.sampling import Codes, fix, generate, prior
from symmetry_pl.messages import quoted
from symmetry_pl.molecules import Vocabulary, canonical_smiles, representation
from symmetry_pl.stib.code import Code
from symmetry_pl.stib.invariance import InvarianceModule

__all__ = ["InvarianceModel"]

Array = npt.NDArray[Any]

_CODES = 20_000  # codes of the prior that a wanted value is looked for among


class InvarianceModel(FittedModel):
    """A trained bottleneck method: codes (Z1, Z0), targets, and what has another Z0.

    Args:
        module: the trained model.
        batch_size: samples worked through at once.
    """

    module: InvarianceModule

    @property
    def code_names(self) -> list[str]:
        """``z1_0``, … and ``z0_0``, …: names of the columns that ``transform`` gives."""
        z1, z0 = self._widths
        return [f"z1_{i}" for i in range(z1)] + [f"z0_{i}" for i in range(z0)]

    @property
    def _widths(self) -> tuple[int, int]:
        """Columns of Z1 (0 for a method without) and of Z0."""
        blank = torch.zeros(1, *self.data.x_shape, device=self.module.device)
        with torch.inference_mode():
            code = self.module.encode(blank.long() if self._tokens else blank.to(self._dtype))
        return (0 if code.z1 is None else code.z1.shape[1]), code.z0.shape[1]

    @property
    def _tokens(self) -> bool:
        return self.data.kind == "tokens"

    # -- there and back --------------------------------------------------------------------------

    def predict(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Targets ``(N, t)`` float64, in their own units; see ``FittedModel.predict``."""
        if self.module.needs_targets:
            self._refuse("is told the targets and predicts none")
        return self._each(x, lambda part: self._targets(self.module.encode(part)), on_invalid)

    def transform(self, x: Any, on_invalid: OnInvalid = "raise") -> Array:
        """Codes ``(N, d1 + d0)`` float32: Z1, which tells the targets, then Z0, which does not.

        ``code_names`` names the columns and ``parts`` takes them apart. Arguments and errors are
        those of ``FittedModel.transform``.
        """
        return self._each(x, lambda part: _joined(self.module.encode(part)), on_invalid)

    def parts(self, codes: Any) -> tuple[Array, Array]:
        """Z1 ``(N, d1)`` and Z0 ``(N, d0)`` of codes; d1 is 0 for a method without a Z1."""
        first = self._widths[0]
        array = np.asarray(codes)
        return array[:, :first], array[:, first:]

    def inverse_transform(self, codes: Any, y: Any = None) -> Any:
        """Inputs of codes: what moves when Z0 moves and Z1 stays.

        Args:
            codes: ``(N, d1 + d0)``, as ``transform`` gives them.
            y: targets ``(N, t)`` in their own units, for methods whose decoder is told them.

        Returns:
            Vectors ``(N, d)`` in the user's units; or SMILES, None where a code is no molecule.

        Raises:
            ValueError: for codes of another width, or targets that are missing or not wanted.
        """
        z1, z0 = self._widths
        code = real_rows(codes, z1 + z0, "codes")
        told = self._told(y, len(code))

        def decode(part: slice) -> Tensor:
            rows = self._placed(torch.from_numpy(code[part]))
            given = None if told is None else self._placed(torch.from_numpy(told[part]))
            return self._decoded(Code(rows[:, z1:], rows[:, :z1] if z1 else None, given))

        return self._given_back(self._batched(len(code), decode))

    def _told(self, y: Any, count: int) -> Array | None:
        """Standardised targets for a decoder that is told them."""
        if not self.module.needs_targets:
            if y is not None:
                self._refuse("decodes codes alone: leave y out")
            return None
        if y is None:
            self._refuse("decodes codes with targets: give y, in its own units")
        array = np.asarray(y, float)
        found = real_rows(array[:, None] if array.ndim == 1 else array, len(self.target_names), "y")
        if len(found) != count:
            raise ValueError(f"codes has {count} rows and y has {len(found)}")
        if self.data.target_scale:
            found = (found - self.data.target_mean) / self.data.target_scale
        return found

    def _decoded(self, code: Code) -> Tensor:
        return self.module.search(self.module.decode(code), code)

    def _targets(self, code: Code) -> Tensor:
        """Predicted targets of codes in their own units, float64."""
        found = self.module.predict_target(code)
        assert found is not None
        return self.module.physical(found.double())

    def _given_back(self, x: Array) -> Any:
        """Decoded inputs in the form of the user's."""
        if not self._tokens:
            return from_standard(x.astype(np.float64), self.data.extra)
        vocabulary, language = (
            Vocabulary(self.data.symbols),
            representation(self.data.representation),
        )
        return [language.decode(s) for s in vocabulary.decode(torch.from_numpy(x))]

    # -- new inputs ------------------------------------------------------------------------------

    def generate(
        self,
        n: int = 100,
        *,
        like: Any = None,
        fixed: Mapping[str, float] | None = None,
        around: Any = None,
        within: Mapping[str, float] | None = None,
        spread: float = 0.1,
        seed: int = 0,
    ) -> Any:
        """New inputs with one Z1 and many Z0: their targets stay, and the rest moves.

        Molecules come from the walk of ``symmetry generate``: valid, each once, at most n of 50 n
        decoded codes. Vectors are n draws.

        Args:
            n: how many.
            like: one sample, ``(d,)`` or a SMILES, whose Z1 is kept.
            fixed: or targets by name, in their own units, that Z1 must predict.
            around: samples whose Z0 are visited, with noise; without them Z0 is drawn from its
                prior N(0, I), which is where matched codes lie.
            within: largest distance of a molecule's targets, predicted after encoding it again,
                from those of the Z1 that is kept, by name.
            spread: standard deviation of the noise on visited Z0, in units of theirs.
            seed: of all that is drawn.

        Returns:
            Vectors ``(n, d)`` in the user's units, or a list of canonical SMILES.

        Raises:
            ValueError: for an argument that cannot be used; both or none of ``like`` and ``fixed``.
        """
        if (like is None) == (not fixed):
            raise ValueError("give either like, a sample, or fixed, targets by name")
        if n < 1 or spread < 0:
            raise ValueError("n must be at least 1 and spread not negative")
        for what, given in (("fixed", fixed), ("within", within)):
            self._check_targets(what, given or {})
        if within and not self._tokens:
            raise ValueError("within is for molecules: vectors keep their targets exactly")
        with torch.inference_mode():
            generator = torch.Generator().manual_seed(seed)
            codes = self._candidates(around, generator)
            held = fix(codes, self.data, fixed) if fixed else self._held(like)
            if self._tokens:
                return self._new_molecules(codes, held, n, like, within, spread, seed)
            return self._new_vectors(codes, held, n, around is not None, spread, seed)

    def _check_targets(self, what: str, given: Mapping[str, float]) -> None:
        for name in given:
            if name not in self.target_names:
                known = ", ".join(self.target_names)
                raise ValueError(f"{what}: the model knows no {quoted(name)}, only {known}")
        check_finite(dict(given), what)

    def _candidates(self, around: Any, generator: torch.Generator) -> Codes:
        """Codes of samples, or of the prior."""
        if around is None:
            return prior(self.module, self.data, _CODES, generator)
        if self.module.needs_targets:
            self._refuse("is told the targets of what it encodes: leave around out")
        return self._codes(around)

    def _held(self, like: Any) -> Codes:
        if self.module.needs_targets:
            self._refuse("is told the targets and cannot read those of like: give fixed")
        one = [like] if self._tokens else np.asarray(like)[None]
        return self._codes(one)

    def _codes(self, x: Any) -> Codes:
        z1, _ = self._widths
        code = self._placed(torch.from_numpy(self.transform(x)))
        parts = Code(code[:, z1:], code[:, :z1] if z1 else None)
        found = self.module.predict_target(parts)
        assert found is not None
        return Codes(parts.z0, parts.z1, found)

    def _new_molecules(
        self,
        codes: Codes,
        held: Codes,
        n: int,
        like: Any,
        within: Mapping[str, float] | None,
        spread: float,
        seed: int,
    ) -> list[str]:
        outcome = generate(
            self.module,
            self.data,
            codes,
            held,
            n,
            near=like is not None,
            spread=spread,
            seed=seed,
            avoid=frozenset() if like is None else frozenset({canonical_smiles(like) or ""}),
            within=within,
        )
        found: Sequence[str] = [molecule.smiles for molecule in outcome.molecules]
        if len(found) < n:
            warnings.warn(
                f"only {len(found)} of {n} molecules in {outcome.decoded} codes: "
                f"{outcome.invalid} were none, {outcome.duplicates} known, {outcome.strays} "
                "too far",
                stacklevel=4,
            )
        return list(found)

    def _new_vectors(
        self,
        codes: Codes,
        held: Codes,
        n: int,
        visited: bool,
        spread: float,
        seed: int,
    ) -> Array:
        keeps = held.z1 is not None or self.module.needs_targets
        count = len(codes.z0)
        # where nothing can be held, codes whose predicted targets come nearest are taken
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(count, generator=generator)
        if not keeps:
            order = (codes.y - held.y).square().sum(1).argsort()
        z0 = codes.z0[order[torch.arange(n) % count]]
        if visited and count > 1:
            noise = torch.from_numpy(normal_noise(seed, 0, np.arange(n), z0.shape[1]))
            z0 = z0 + spread * codes.z0.std(0) * noise.to(z0)

        def decode(part: slice) -> Tensor:
            rows = z0[part]
            z1 = None if held.z1 is None else held.z1.expand(len(rows), -1)
            y = held.y.expand(len(rows), -1) if self.module.needs_targets else None
            return self._decoded(Code(rows, z1, y))

        found: Array = self._given_back(self._batched(n, decode))
        return found


def _joined(code: Code) -> Tensor:
    parts = [part for part in (code.z1, code.z0) if part is not None]
    return torch.cat(parts, 1).float()
