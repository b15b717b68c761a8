"""Molecules as rows of token ids: made from symbols, joined to fragments, dealt in batches."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from symmetry_pl.datamodules.base import BatchDataset
from symmetry_pl.molecules import Vocabulary, apply_fragments, learn_fragments

__all__ = ["TokenDataset", "join_as", "join_tokens", "known_tokens", "tokenise"]


class TokenDataset(BatchDataset):
    """Rows of token ids and targets; ``__getitems__`` makes a whole batch at once.

    Args:
        tokens: ids ``(N, L)``, any integer type.
        y: targets ``(N, t)``.
        rows: row numbers in the source ``(N,)``.
    """

    def __init__(self, tokens: Tensor, y: Tensor, rows: Tensor) -> None:
        self.tokens, self.y, self.rows = tokens, y, rows

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids ``(B, L)`` as int64, targets ``(B, t)`` and row numbers ``(B,)``."""
        i = torch.as_tensor(indices, dtype=torch.int64)
        return self.tokens[i].long(), self.y[i], self.rows[i]

    def subset(self, indices: Tensor) -> TokenDataset:
        """The dataset of some of the rows."""
        return TokenDataset(self.tokens[indices], self.y[indices], self.rows[indices])


def tokenise(sequences: Iterable[Sequence[str]]) -> tuple[Vocabulary, Tensor]:
    """The vocabulary of some sequences and their ids ``(N, L)``, in one pass.

    L is the length of the longest. The result is that of ``Vocabulary.from_sequences`` and
    ``encode``, without all symbols in memory.

    Example:
        >>> vocabulary, ids = tokenise([["C", "O"], ["C"]])
        >>> vocabulary.symbols, ids.tolist()
        (('', 'C', 'O'), [[1, 2], [1, 0]])
    """
    seen: dict[str, int] = {}
    flat, lengths = array("H"), array("L")
    for sequence in sequences:
        flat.extend([seen.setdefault(symbol, len(seen)) for symbol in sequence])
        lengths.append(len(sequence))
    vocabulary = Vocabulary(["", *sorted(seen)])
    dtype = np.uint8 if vocabulary.dtype == torch.uint8 else np.int16
    final = np.array([vocabulary.symbols.index(symbol) for symbol in seen], dtype=dtype)
    counts = np.asarray(lengths)
    ids = np.zeros((len(counts), counts.max()), dtype=dtype)
    ids[np.arange(ids.shape[1]) < counts[:, None]] = final[np.frombuffer(flat, dtype=np.uint16)]
    return vocabulary, torch.from_numpy(ids)


def known_tokens(
    vocabulary: Vocabulary, tokens: Tensor, rows: Tensor, before: Vocabulary | None = None
) -> tuple[Vocabulary, Tensor, Tensor]:
    """The symbols that some rows have, ids in them, and what each row has beyond them.

    Args:
        vocabulary: of base symbols.
        tokens: ids in it ``(N, L)``.
        rows: those whose symbols are known.
        before: a vocabulary whose base symbols are known, too, and come first.

    Returns:
        The vocabulary of these, in the same order; ids in it ``(N, L)``, the padding where there
        is none; and the first unknown id of each row in the old vocabulary ``(N,)``, 0 where all
        are known.

    Example:
        >>> vocabulary, ids = tokenise([["C", "O"], ["C", "N"]])
        >>> vocabulary, ids, strange = known_tokens(vocabulary, ids, torch.tensor([0]))
        >>> vocabulary.symbols, ids.tolist(), strange.tolist()
        (('', 'C', 'O'), [[1, 2], [1, 0]], [0, 2])
    """
    known = torch.zeros(len(vocabulary), dtype=torch.bool)
    known[0] = True
    known[torch.unique(tokens[rows]).long()] = True
    first_symbols = [] if before is None else [s for s in before.symbols if " " not in s]
    for i, symbol in enumerate(vocabulary.symbols):
        known[i] |= symbol in first_symbols
    if known.all() and before is None:
        return vocabulary, tokens, torch.zeros(len(tokens), dtype=torch.int64)
    unknown = ~known[tokens.long()]
    first = tokens.gather(1, unknown.to(torch.uint8).argmax(1, keepdim=True))[:, 0].long()
    strange = torch.where(unknown.any(1), first, 0)
    own = [s for s, k in zip(vocabulary.symbols, known.tolist(), strict=True) if k]
    kept = Vocabulary(list(dict.fromkeys([*first_symbols, *own])))
    place = {symbol: i for i, symbol in enumerate(kept.symbols)}
    new = torch.tensor([place.get(symbol, 0) for symbol in vocabulary.symbols], dtype=kept.dtype)
    return kept, new[tokens.long()], strange


def join_as(
    vocabulary: Vocabulary, tokens: Tensor, before: Vocabulary
) -> tuple[Vocabulary, Tensor]:
    """Join the symbols of all rows to the fragments of another vocabulary.

    Args:
        vocabulary: of base symbols, those of the other first.
        tokens: ids of base symbols ``(N, L)``.
        before: the other.

    Example:
        >>> vocabulary, ids = tokenise([["C", "O"], ["C", "N"]])
        >>> before = Vocabulary(["", "O", "C", "C O"])
        >>> vocabulary, ids, _ = known_tokens(vocabulary, ids, torch.tensor([0, 1]), before)
        >>> vocabulary, ids = join_as(vocabulary, ids, before)
        >>> vocabulary.symbols, ids.tolist()
        (('', 'O', 'C', 'N', 'C O'), [[4, 0], [2, 3]])
    """
    fragments = [symbol for symbol in before.symbols if " " in symbol]
    vocabulary = Vocabulary([*vocabulary.symbols, *fragments])
    joined = torch.from_numpy(apply_fragments(tokens.numpy(), vocabulary.merges))
    return vocabulary, joined.to(vocabulary.dtype)


def join_tokens(
    vocabulary: Vocabulary, tokens: Tensor, rows: Tensor, count: int
) -> tuple[Vocabulary, Tensor]:
    """Learn fragments from some rows of ids ``(N, L)``, and join the symbols of all.

    The result is that of ``Vocabulary.encode`` with the new vocabulary, all rows at once.

    Args:
        vocabulary: of base symbols.
        tokens: ids of base symbols ``(N, L)``.
        rows: those to learn from.
        count: fragments wanted; see ``learn_fragments``.

    Example:
        >>> vocabulary, ids = tokenise([["C", "O"], ["C", "O", "C"]])
        >>> vocabulary, ids = join_tokens(vocabulary, ids, torch.tensor([0, 1]), count=1)
        >>> vocabulary.symbols, ids.tolist()
        (('', 'C', 'O', 'C O'), [[3, 0], [3, 1]])
    """
    merges = learn_fragments(tokens[rows].numpy(), len(vocabulary), count)
    joined = torch.from_numpy(apply_fragments(tokens.numpy(), merges))
    vocabulary = vocabulary.with_fragments(merges)
    return vocabulary, joined.to(vocabulary.dtype)
