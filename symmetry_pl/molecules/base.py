"""What every spelling of molecules promises, and every mask that keeps decoding inside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from symmetry_pl.messages import quoted
from symmetry_pl.molecules.standard import kekule_smiles, standardise

__all__ = ["Representation", "SymbolMask"]


class SymbolMask(nn.Module, ABC):
    """Which symbols may come next, for a batch of sequences that grow together.

    It is a module for the sake of its tables, which ``.to(device)`` moves; it has no parameters
    and adds nothing to checkpoints. Used step by step:

    .. code-block:: python

        state = mask.start(batch)
        for logits in ...:  # (B, V)
            ids = logits.masked_fill(~mask.allowed(state), -torch.inf).argmax(1)
            state = mask.step(state, ids)

    Args:
        symbols: the vocabulary, padding first.
        max_length: L, steps that every sequence takes, padding included.
    """

    def __init__(self, symbols: Sequence[str], max_length: int) -> None:
        super().__init__()
        self.symbols = tuple(symbols)
        self.max_length = max_length

    @abstractmethod
    def start(self, batch: int) -> Any:
        """State before the first of L steps."""

    @abstractmethod
    def allowed(self, state: Any) -> Tensor:
        """Boolean ``(B, V)``: the symbols that may come next; never none."""

    @abstractmethod
    def step(self, state: Any, ids: Tensor) -> Any:
        """State after the symbols ``ids`` ``(B,)``, each of which must have been allowed."""

    def forward(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Ids ``(B, L)`` that obey the mask, from logits ``(B, L, V)``.

        Args:
            logits: scores of the symbols, one row a position.
            generator: draw from the masked softmax with it; without one, take the largest logit.

        Raises:
            ValueError: if the logits have another length or vocabulary.
        """
        expected = (self.max_length, len(self.symbols))
        if logits.ndim != 3 or logits.shape[1:] != expected:
            raise ValueError(
                f"logits must have shape (B, {expected[0]}, {expected[1]}), "
                f"got {tuple(logits.shape)}"
            )
        state, chosen = self.start(len(logits)), []
        for scores in logits.unbind(1):
            masked = scores.float().masked_fill(~self.allowed(state), -torch.inf)
            if generator is None:
                ids = masked.argmax(1)
            else:
                ids = torch.multinomial(masked.softmax(1), 1, generator=generator)[:, 0]
            chosen.append(ids)
            state = self.step(state, ids)
        return torch.stack(chosen, 1)


class Representation(ABC):
    """A language in which a molecule is a sequence of symbols.

    A symbol is any non-empty string without spaces: an atom, a ring label, a SELFIES symbol, a
    grammar production. A molecule has one spelling, however its SMILES is written (see
    ``standardise``). ``decode(encode(s))`` is the molecule of ``s``, though rarely its string.
    Implementations keep no state, so that their ``name`` is all a checkpoint has to store.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """Its name in sentences."""
    package: ClassVar[str | None] = None
    """The distribution that does the work, if it is not ours."""
    kekule: ClassVar[bool] = False
    """Whether aromatic rings are written with single and double bonds."""

    def encode(self, smiles: str) -> list[str]:
        """Symbols of a molecule, the same for all its SMILES.

        Raises:
            ValueError: if the string is not the SMILES of a molecule, or this language cannot
                spell it.
        """
        try:
            canonical = standardise(smiles).smiles
        except ValueError as error:
            raise ValueError(f"{quoted(smiles)} has no {self.title}: {error}") from error
        return self.spell(canonical)

    def spell(self, canonical: str) -> list[str]:
        """Symbols of a SMILES that ``standardise`` has written: ``encode`` without that.

        Raises:
            ValueError: if this language cannot spell it.
        """
        try:
            return self._spell(kekule_smiles(canonical) if self.kekule else canonical)
        except ValueError as error:
            raise ValueError(f"{quoted(canonical)} has no {self.title}: {error}") from error

    @abstractmethod
    def _spell(self, smiles: str) -> list[str]:
        """Symbols of a valid SMILES string as it stands; ``ValueError`` with a short reason."""

    @abstractmethod
    def decode(self, symbols: Sequence[str]) -> str | None:
        """SMILES spelled by ``symbols``, or ``None`` if they spell no valid molecule."""

    @abstractmethod
    def text(self, symbols: Sequence[str]) -> str:
        """One string that ``split`` turns back into ``symbols``."""

    @abstractmethod
    def split(self, text: str) -> list[str]:
        """Symbols of a string made by ``text``; inverse of it."""

    def mask(self, symbols: Sequence[str], max_length: int) -> SymbolMask | None:
        """What keeps a decoder inside this language, or ``None`` if it has no such rules.

        Args:
            symbols: the vocabulary, padding first.
            max_length: symbols a sequence has at most.
        """
        return None

    @property
    def version(self) -> str:
        """Names and versions of what spells; two with equal versions spell alike.

        Example:
            >>> from symmetry_pl.molecules import representation
            >>> representation("deepsmiles").version
            'deepsmiles-1...-rdkit-...'
        """
        own = self.name if self.package is None else f"{self.name}-{version(self.package)}"
        return f"{own}-rdkit-{version('rdkit')}"
