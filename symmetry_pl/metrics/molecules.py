"""How well molecules survive encoding and decoding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from symmetry_pl.molecules import Representation, Vocabulary, canonical_smiles

__all__ = ["SmilesAccuracy", "TokenAccuracy", "Validity"]


class TokenAccuracy(Metric):
    """Share of positions decoded right, over the true symbols and the first padding after them.

    That padding is the end of the molecule and has to be learned; the padding beyond it is free,
    and would lift the share of short molecules, so it does not count. Dimensionless, 0 … 1.

    Args:
        padding: id of the padding symbol.
        kwargs: options of ``torchmetrics.Metric``.

    Example:
        >>> metric = TokenAccuracy()
        >>> metric.update(torch.tensor([[1, 3, 0, 2]]), torch.tensor([[1, 2, 0, 0]]))
        >>> round(metric.compute().item(), 3)
        0.667
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    right: Tensor
    counted: Tensor

    def __init__(self, padding: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = padding
        self.add_state("right", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("counted", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add decoded ids and true ids, both ``(B, L)``."""
        _check_shapes(preds, target)
        is_padding = target == self.padding
        counts = is_padding.cumsum(1) <= 1
        self.right += ((preds == target) & counts).sum()
        self.counted += counts.sum()

    def compute(self) -> Tensor:
        """Share of right positions; NaN if nothing was added."""
        return self.right / self.counted


class _MoleculeShare(Metric):
    """Share of molecules that pass; a subclass says which, from both canonical SMILES."""

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    passed: Tensor
    total: Tensor

    def __init__(
        self, vocabulary: Vocabulary, representation: Representation, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.representation = representation
        self.add_state("passed", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """Share of molecules that pass; NaN if nothing was added."""
        return self.passed / self.total

    def _canonical(self, ids: Tensor) -> list[str | None]:
        decode = self.representation.decode
        smiles = (decode(symbols) for symbols in self.vocabulary.decode(ids))
        return [None if s is None else canonical_smiles(s) for s in smiles]


class SmilesAccuracy(_MoleculeShare):
    """Share of molecules decoded to the same molecule: equal canonical SMILES (STIB, Table 2).

    Stricter than it sounds for the decoder, since every atom and bond must be right, and fairer
    than equal strings, since one molecule has many spellings. Dimensionless, 0 … 1.

    Args:
        vocabulary: of the ids.
        representation: how they spell molecules.
        kwargs: options of ``torchmetrics.Metric``.
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add decoded ids and true ids, both ``(B, L)``."""
        _check_shapes(preds, target)
        same = (preds == target).all(1)
        unequal = ~same
        found, true = self._canonical(preds[unequal]), self._canonical(target[unequal])
        rewritten = sum(a is not None and a == b for a, b in zip(found, true, strict=True))
        self.passed += same.sum() + rewritten
        self.total += len(target)


class Validity(_MoleculeShare):
    """Share of decoded sequences that spell a molecule at all. Dimensionless, 0 … 1.

    Args:
        vocabulary: of the ids.
        representation: how they spell molecules.
        kwargs: options of ``torchmetrics.Metric``.
    """

    def update(self, preds: Tensor, target: Tensor | None = None) -> None:
        """Add decoded ids ``(B, L)``; ``target`` is not used."""
        self.passed += sum(found is not None for found in self._canonical(preds))
        self.total += len(preds)


def _check_shapes(preds: Tensor, target: Tensor) -> None:
    if preds.shape != target.shape or preds.ndim != 2:
        raise ValueError(
            "decoded and true ids must both have shape (B, L), got "
            f"{tuple(preds.shape)} and {tuple(target.shape)}"
        )
