"""Decoding that stays inside the grammar and ends in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.molecules.base import SymbolMask
from symmetry_pl.molecules.grammar_rules import PRODUCTIONS, START, Production

__all__ = ["GrammarMask", "GrammarState"]

NEVER = 1 << 20
"""Longer than any derivation."""


@dataclass(frozen=True)
class GrammarState:
    """Where a batch of left-most derivations stands.

    Args:
        stack: non-terminals still to expand, the next one at ``depth - 1``, ``(B, D)``.
        depth: how many there are ``(B,)``.
        needed: productions that complete the shortest derivation from here ``(B,)``.
        left: steps left.
    """

    stack: Tensor
    depth: Tensor
    needed: Tensor
    left: int


class GrammarMask(SymbolMask):
    r"""The productions a left-most derivation may continue with, so that it ends within L steps.

    A production ``A -> w`` is allowed if A is the left-most non-terminal and the rest can still
    be completed: with c(·) the length of the shortest derivation,

    .. math:: \sum_{N \in \text{stack}} c(N) - c(A) + \sum_{N \in w} c(N) \le \text{steps left} - 1.

    The shortest continuation always passes, so there is always a choice. A completed sequence
    goes on with padding. Every sequence so decoded parses; for what that means for molecules,
    see ``Grammar``, and ``RingMask`` for one that pairs ring labels too.

    Args:
        symbols: productions by name, padding first; non-terminals are known by theirs. What the
            vocabulary lacks is never allowed.
        max_length: L, productions at most.

    Raises:
        ValueError: if a symbol is no production, or no derivation is that short.

    Example:
        >>> from symmetry_pl.molecules import Grammar, Vocabulary
        >>> vocabulary = Vocabulary.from_sequences([Grammar().encode("CC(C)O")])
        >>> mask = GrammarMask(vocabulary.symbols, max_length=12)
        >>> logits = torch.randn(8, 12, len(vocabulary), generator=torch.manual_seed(0))
        >>> all(Grammar().decode(symbols) for symbols in vocabulary.decode(mask(logits)))
        True
    """

    left_hand: Tensor
    same_left: Tensor
    growth: Tensor
    pushed: Tensor
    pushed_count: Tensor

    def __init__(self, symbols: Sequence[str], max_length: int) -> None:
        super().__init__(symbols, max_length)
        unknown = [s for s in self.symbols[1:] if s not in PRODUCTIONS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a production of the SMILES grammar")
        self.rules = [PRODUCTIONS[s] for s in self.symbols[1:]]
        # number 0 stands for an empty stack, which expands to padding
        names = ["", START, *sorted({rule.left for rule in self.rules} - {START})]
        self.costs = shortest_derivations(self.rules)
        self.numbers = {name: i for i, name in enumerate(names)}
        shortest = self.costs.get(START, NEVER)
        if shortest > max_length:
            raise ValueError(
                f"no derivation with these {len(self.rules)} productions is as short as "
                f"max_length={max_length}"
                + (f": the shortest has {shortest}" if shortest < NEVER else "")
            )
        widest = max(len(rule.children) for rule in self.rules)
        left_hand = torch.zeros(len(self.symbols), dtype=torch.int64)
        growth = torch.zeros(len(self.symbols), dtype=torch.int64)
        pushed = torch.zeros(len(self.symbols), widest, dtype=torch.int64)
        for i, rule in enumerate(self.rules, 1):
            left_hand[i] = self.numbers[rule.left]
            cost = sum(self.costs.get(child, NEVER) for child in rule.children)
            growth[i] = min(cost, NEVER) - self.costs.get(rule.left, NEVER)
            if cost >= NEVER:
                growth[i] = NEVER
                continue
            for j, child in enumerate(reversed(rule.children)):
                pushed[i, j] = self.numbers[child]
        counts = torch.tensor([0, *(len(rule.children) for rule in self.rules)])
        of = torch.arange(len(names))[:, None]
        for name, table in (
            ("left_hand", left_hand),
            ("same_left", left_hand == of),
            ("growth", growth),
            ("pushed", pushed),
            ("pushed_count", counts),
        ):
            self.register_buffer(name, table, persistent=False)

    def start(self, batch: int) -> Any:
        """State before the first of L steps."""
        # a non-terminal takes at least one step, so no stack outgrows the steps that are left
        depth_limit = self.max_length + self.pushed.shape[1]
        stack = self.growth.new_zeros(batch, depth_limit)
        stack[:, 0] = self.numbers[START]
        ones = self.growth.new_ones(batch)
        return GrammarState(stack, ones, ones * self.costs[START], self.max_length)

    def allowed(self, state: Any) -> Tensor:
        """Boolean ``(B, V)``: the productions, or the padding, that may come next."""
        needed = state.needed[:, None] + self.growth + self.reserve(state)
        allowed: Tensor = self.same_left[self.top(state)] & (needed <= state.left - 1)
        return allowed

    def step(self, state: Any, ids: Tensor) -> Any:
        """State after the productions ``ids`` ``(B,)``, each of which must have been allowed."""
        if state.left < 1:
            raise ValueError(f"a derivation has at most max_length={self.max_length} steps")
        below = (state.depth - 1).clamp(min=0)
        places = below[:, None] + torch.arange(self.pushed.shape[1], device=below.device)
        return replace(
            state,
            stack=state.stack.scatter(1, places, self.pushed[ids]),
            depth=below + self.pushed_count[ids],
            needed=state.needed + self.growth[ids],
            left=state.left - 1,
        )

    def top(self, state: GrammarState) -> Tensor:
        """Number of the non-terminal to expand, 0 where there is none ``(B,)``."""
        last = (state.depth - 1).clamp(min=0)[:, None]
        top: Tensor = state.stack.gather(1, last)[:, 0] * (state.depth > 0)
        return top

    def reserve(self, state: Any) -> Tensor:
        """Steps to keep back beside those the stack needs, were a production chosen ``(B, V)``."""
        return torch.zeros_like(self.growth)

    def siblings(self, ids: Tensor) -> Tensor:
        """Productions with the same left-hand side as each of ``ids`` ``(B, L)``: ``(B, L, V)``.

        This is the mask of Kusner et al. (2017) for training, where the true production is known:
        the softmax is over the alternatives at that point, and costs no stack. Padding is alone.
        """
        siblings: Tensor = self.same_left[self.left_hand[ids]]
        return siblings


def shortest_derivations(rules: Sequence[Production]) -> dict[str, int]:
    """Number of productions of the shortest derivation from each non-terminal that has one.

    Example:
        >>> shortest_derivations([PRODUCTIONS["tail->ε"], PRODUCTIONS["smiles->atom,tail"]])
        {'tail': 1}
    """
    costs: dict[str, int] = {}
    changed = True
    while changed:
        changed = False
        for rule in rules:
            if all(child in costs for child in rule.children):
                cost = 1 + sum(costs[child] for child in rule.children)
                if cost < costs.get(rule.left, NEVER):
                    costs[rule.left] = cost
                    changed = True
    return costs
