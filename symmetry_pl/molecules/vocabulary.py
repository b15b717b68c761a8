"""Symbols to small integers and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import torch
from torch import Tensor

__all__ = ["Vocabulary"]

_UNKNOWN = 255


class Vocabulary:
    """A fixed list of symbols; symbol 0 is the padding that fills sequences up to their length.

    ``list(vocabulary.symbols)`` is all it takes to rebuild one, so it lives in checkpoints and
    config files as a plain list of strings.

    Args:
        symbols: the padding symbol first, then all others, at most 255 in all.

    Raises:
        ValueError: if a symbol occurs twice, or there are fewer than 2 or more than 255.

    Example:
        >>> vocabulary = Vocabulary.from_sequences([["C", "C", "O"], ["N"]])
        >>> list(vocabulary.symbols)
        ['', 'C', 'N', 'O']
        >>> vocabulary.encode([["C", "O"]], max_length=4)
        tensor([[1, 3, 0, 0]], dtype=torch.uint8)
        >>> vocabulary.decode(torch.tensor([[1, 3, 0, 0]]))
        [['C', 'O']]
    """

    padding = 0

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        if not 2 <= len(self.symbols) <= _UNKNOWN:
            raise ValueError(
                f"a vocabulary holds 2 to {_UNKNOWN} symbols, padding included; "
                f"got {len(self.symbols)}"
            )
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        if len(self._ids) != len(self.symbols):
            twice = next(s for i, s in enumerate(self.symbols) if self._ids[s] != i)
            raise ValueError(f"symbol {twice!r} occurs twice in the vocabulary")

    @classmethod
    def from_sequences(cls, sequences: Iterable[Sequence[str]], padding: str = "") -> Vocabulary:
        """Collect the symbols of ``sequences``, sorted, behind the padding symbol."""
        seen = set(chain.from_iterable(sequences))
        return cls([padding, *sorted(seen - {padding})])

    def __len__(self) -> int:
        return len(self.symbols)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.symbols == other.symbols

    def __hash__(self) -> int:
        return hash(self.symbols)

    def __repr__(self) -> str:
        return f"Vocabulary({list(self.symbols)!r})"

    def encode(
        self,
        sequences: Sequence[Sequence[str]],
        max_length: int,
        rows: Sequence[int] | None = None,
    ) -> Tensor:
        """Ids ``(N, max_length)`` as uint8, filled up with padding.

        Args:
            sequences: N sequences of symbols.
            max_length: columns of the result.
            rows: row numbers in the source, for messages; 0, 1, … if not given.

        Raises:
            ValueError: if a sequence is too long or has an unknown symbol, naming its row.
        """
        flat = bytearray()
        for i, sequence in enumerate(sequences):
            ids = bytes(self._ids.get(symbol, _UNKNOWN) for symbol in sequence)
            if len(ids) > max_length or _UNKNOWN in ids:
                row = i if rows is None else rows[i]
                raise ValueError(self._complaint(sequence, ids, max_length, row))
            flat += ids.ljust(max_length, b"\0")
        if not flat:
            return torch.zeros(len(sequences), max_length, dtype=torch.uint8)
        return torch.frombuffer(flat, dtype=torch.uint8).view(len(sequences), max_length)

    def decode(self, ids: Tensor) -> list[list[str]]:
        """Symbols of each row of ``ids`` ``(N, L)``, up to the first padding.

        Args:
            ids: integers in ``[0, V)``.

        Raises:
            ValueError: if an id is no symbol's.
        """
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < len(self):
            raise ValueError(
                f"ids must lie in 0 … {len(self) - 1}, got {int(ids.min())} … {int(ids.max())}: "
                "were they made with another vocabulary?"
            )
        rows: list[list[int]] = ids.tolist()
        return [
            [self.symbols[i] for i in (row[: row.index(0)] if 0 in row else row)] for row in rows
        ]

    def _complaint(self, sequence: Sequence[str], ids: bytes, max_length: int, row: int) -> str:
        text = "".join(sequence)
        if _UNKNOWN in ids:
            unknown = sequence[ids.index(_UNKNOWN)]
            return f"row {row} ({text!r}) has the symbol {unknown!r}, which the vocabulary lacks"
        return f"row {row} ({text!r}) has {len(ids)} symbols, more than max_length={max_length}"
