"""Symbols to small integers and back."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain

import torch
from torch import Tensor

from symmetry_pl.messages import quoted
from symmetry_pl.molecules.fragments import MOST_SYMBOLS, Merge, join

__all__ = ["Vocabulary"]

_UNKNOWN = -1


class Vocabulary:
    """A fixed list of symbols; symbol 0 is the padding that fills sequences up to their length.

    Behind the base symbols of a representation there may be *fragments*, each the base symbols
    that it stands for with single spaces between, in the order they were learned. ``encode`` joins
    base symbols to fragments, the earliest-learned first and of its places the leftmost, until
    no two neighbours make one; ``decode`` gives base symbols again.

    ``list(vocabulary.symbols)`` is all it takes to rebuild one, so it lives in checkpoints and
    config files as a plain list of strings.

    Args:
        symbols: the padding symbol first, then all others, at most 32,767 in all.

    Raises:
        ValueError: if a symbol occurs twice, there are fewer than 2 or more than 32,767, or a
            fragment is not two earlier symbols joined.

    Example:
        >>> vocabulary = Vocabulary.from_sequences([["C", "C", "O"], ["N"]])
        >>> list(vocabulary.symbols)
        ['', 'C', 'N', 'O']
        >>> vocabulary.encode([["C", "O"]], max_length=4)
        tensor([[1, 3, 0, 0]], dtype=torch.uint8)
        >>> vocabulary.decode(torch.tensor([[1, 3, 0, 0]]))
        [['C', 'O']]
        >>> joining = Vocabulary([*vocabulary.symbols, "C C", "C C O"])
        >>> joining.encode([["C", "C", "O"], ["C", "O"]], max_length=2)
        tensor([[5, 0],
                [1, 3]], dtype=torch.uint8)
        >>> joining.decode(torch.tensor([[5, 1]]))
        [['C', 'C', 'O', 'C']]
    """

    padding = 0

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        if not 2 <= len(self.symbols) <= MOST_SYMBOLS:
            raise ValueError(
                f"a vocabulary holds 2 to {MOST_SYMBOLS} symbols, padding included; "
                f"got {len(self.symbols)}"
            )
        ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        if len(ids) != len(self.symbols):
            twice = next(s for i, s in enumerate(self.symbols) if ids[s] != i)
            raise ValueError(f"symbol {twice!r} occurs twice in the vocabulary")
        first = next((i for i, s in enumerate(self.symbols) if " " in s), len(ids))
        self._ids = {symbol: ids[symbol] for symbol in self.symbols[:first]}
        self._spelled: list[tuple[str, ...]] = [(symbol,) for symbol in self.symbols[:first]]
        self.merges: dict[Merge, int] = {}
        """The id of each fragment, by the pair it joins, in the order they were learned."""
        for i in range(first, len(ids)):
            self._take_fragment(i)

    @classmethod
    def from_sequences(cls, sequences: Iterable[Sequence[str]], padding: str = "") -> Vocabulary:
        """Collect the symbols of ``sequences``, sorted, behind the padding symbol."""
        seen = set(chain.from_iterable(sequences))
        return cls([padding, *sorted(seen - {padding})])

    def with_fragments(self, pairs: Iterable[Merge]) -> Vocabulary:
        """This vocabulary and fragments behind it, each by the ids of the two pieces it joins.

        Example:
            >>> Vocabulary(["", "C", "O"]).with_fragments([(1, 1), (3, 2)]).symbols
            ('', 'C', 'O', 'C C', 'C C O')
        """
        symbols = list(self.symbols)
        for left, right in pairs:
            symbols.append(f"{symbols[left]} {symbols[right]}")
        return Vocabulary(symbols)

    @property
    def dtype(self) -> torch.dtype:
        """The smallest type of ids: uint8 for up to 256 symbols, else int16."""
        return torch.uint8 if len(self) <= 256 else torch.int16

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
        """Ids ``(N, max_length)`` of ``dtype``, filled up with padding.

        Args:
            sequences: N sequences of base symbols.
            max_length: columns of the result.
            rows: row numbers in the source, for messages; 0, 1, … if not given.

        Raises:
            ValueError: if a sequence is too long or has an unknown symbol, naming its row.
        """
        flat = array("B" if self.dtype == torch.uint8 else "h")
        for i, sequence in enumerate(sequences):
            ids = [self._ids.get(symbol, _UNKNOWN) for symbol in sequence]
            if self.merges:
                ids = join(ids, self.merges)
            if len(ids) > max_length or _UNKNOWN in ids:
                row = i if rows is None else rows[i]
                raise ValueError(self._complaint(sequence, len(ids), max_length, row))
            flat.extend(ids)
            flat.extend([self.padding] * (max_length - len(ids)))
        if not flat:
            return torch.zeros(len(sequences), max_length, dtype=self.dtype)
        return torch.frombuffer(flat, dtype=self.dtype).view(len(sequences), max_length)

    def decode(self, ids: Tensor) -> list[list[str]]:
        """Base symbols of each row of ``ids`` ``(N, L)``, up to the first padding.

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
        ends = (row.index(0) if 0 in row else len(row) for row in rows)
        return [
            list(chain.from_iterable(self._spelled[i] for i in row[:end]))
            for row, end in zip(rows, ends, strict=True)
        ]

    def _take_fragment(self, i: int) -> None:
        """Find the two pieces of a fragment: what the earlier ones make of its base symbols."""
        parts = tuple(self.symbols[i].split(" "))
        ids = [self._ids.get(part, self.padding) for part in parts]
        pieces = join(ids, self.merges)
        if self.padding in ids or len(pieces) != 2:
            raise ValueError(
                f"symbol {self.symbols[i]!r} of the vocabulary stands among its fragments, but is "
                "not two earlier symbols joined: is its list out of order, or shortened?"
            )
        self.merges[pieces[0], pieces[1]] = i
        self._spelled.append(parts)

    def _complaint(self, sequence: Sequence[str], length: int, max_length: int, row: int) -> str:
        text = quoted("".join(sequence))
        unknown = next((s for s in sequence if s not in self._ids), None)
        if unknown is not None:
            return f"row {row} ({text}) has the symbol {unknown!r}, which the vocabulary lacks"
        joined = " after joining" if self.merges else ""
        return f"row {row} ({text}) has {length} symbols{joined}, more than max_length={max_length}"
