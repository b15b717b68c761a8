"""Decoding that also closes every ring it opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.molecules.grammar_mask import NEVER, GrammarMask, GrammarState
from symmetry_pl.molecules.grammar_rules import Production, is_terminal, production

__all__ = ["RingMask", "RingState"]

_OTHER, _END, _ATOM, _BRANCH, _RING = range(5)


@dataclass(frozen=True)
class RingState(GrammarState):
    """``GrammarState`` and the ring labels that are open.

    Args:
        owner: the atom that each non-terminal of the stack belongs to ``(B, D)``.
        atoms: atoms so far; the newest has the number ``atoms - 1`` ``(B,)``.
        open: whether a label waits for its partner ``(B, K)``.
        opener: the atom that opened it ``(B, K)``.
        bonded: whether it was opened with a bond symbol ``(B, K)``.
        blocked: whether the newest atom may not close it, being its opener or bonded to it
            ``(B, K)``.
    """

    owner: Tensor
    atoms: Tensor
    open: Tensor
    opener: Tensor
    bonded: Tensor
    blocked: Tensor


class RingMask(GrammarMask):
    r"""``GrammarMask`` that pairs ring labels, which no context-free grammar can.

    Every decoded string is then a molecular graph: each ring label is closed before the end, at
    an atom that is neither its opener nor bonded to it already, and never with a bond symbol at
    both ends. Valence and aromaticity are still not looked at.

    That the end comes in time is owed to a reserve. Let z be the non-terminal at the bottom of
    the stack, where the main chain ends. From any state the stack above z can be emptied, then
    all labels closed that z's atom may close, then atoms appended that each close a label of
    every opener but its neighbour. So with n labels open this takes at most

    .. math:: n + a \max_k (m_k - [z \text{ may close } k] + [z\text{'s atom opened } k])

    productions beside the shortest derivation, m_k being the labels that the opener of k has
    open and a the price of an appended atom (the first may be cheaper behind a branch). Each
    appended atom and each closed ring lowers the bound by its own price, so that there is always
    a choice. The bound knows no closures inside branches: a derivation that has them within its
    last productions before L may be forbidden.

    Args:
        symbols: productions by name, padding first. Labels that the vocabulary has only together
            with a bond symbol are never opened.
        max_length: L, productions at most.

    Raises:
        ValueError: as ``GrammarMask``, or if the vocabulary has ring labels but no productions
            that append an atom to a chain.
    """

    kind: Tensor
    label: Tensor
    with_bond: Tensor
    attached: Tensor
    usable: Tensor
    diagonal: Tensor

    def __init__(self, symbols: Sequence[str], max_length: int) -> None:
        super().__init__(symbols, max_length)
        rings = [_ring_label(rule) for rule in self.rules]
        labels = sorted({r for r in rings if r is not None})
        bare = {r for r, rule in zip(rings, self.rules, strict=True) if "bond" not in rule.right}
        chains = [left for left in ("tail", "more") if left in self.costs]
        appending = [production(left, "atom", "tail") in self.symbols for left in chains]
        self.atom_price = 1 + self.costs.get("atom", NEVER)
        # where no molecule of the data ends behind a branch, an atom there is owed in any case
        self.branch_price = self.costs.get("tail", 0) - self.costs.get("more", 0)
        if labels and not all(appending):
            raise ValueError("the vocabulary has ring labels but cannot append atoms to a chain")
        kinds = [_OTHER, *(_kind(rule) for rule in self.rules)]
        numbers = [0, *(0 if r is None else labels.index(r) for r in rings)]
        with_bond = [False, *("bond" in rule.right for rule in self.rules)]
        attached = [False, *("'.'" not in rule.right for rule in self.rules)]
        usable = [True, *(r is None or r in bare for r in rings)]
        for name, values in (
            ("kind", kinds),
            ("label", numbers),
            ("with_bond", with_bond),
            ("attached", attached),
            ("usable", usable),
        ):
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.label_count = max(1, len(labels))
        self.tail = self.numbers.get("tail", -1)
        diagonal = torch.eye(self.label_count, dtype=torch.bool)
        self.register_buffer("diagonal", diagonal, persistent=False)

    def start(self, batch: int) -> Any:
        """State before the first of L steps."""
        plain = super().start(batch)
        none = torch.zeros(batch, self.label_count, dtype=torch.bool, device=plain.stack.device)
        return RingState(
            **vars(plain),
            owner=torch.zeros_like(plain.stack),
            atoms=torch.zeros_like(plain.depth),
            open=none,
            opener=torch.zeros_like(none, dtype=torch.int64),
            bonded=none,
            blocked=none,
        )

    def step(self, state: Any, ids: Tensor) -> Any:
        """State after the productions ``ids`` ``(B,)``, each of which must have been allowed."""
        below = (state.depth - 1).clamp(min=0)[:, None]
        places = below + torch.arange(self.pushed.shape[1], device=below.device)
        parent = state.owner.gather(1, below)
        is_atom = self.kind[ids][:, None] == _ATOM
        owner = torch.where(is_atom, state.atoms[:, None], parent)
        state = replace(
            super().step(state, ids),
            owner=state.owner.scatter(1, places, owner.expand(places.shape)),
            atoms=state.atoms + is_atom[:, 0],
        )
        bound = state.open & (state.opener == parent) & self.attached[ids][:, None]
        return self._label_step(
            replace(state, blocked=torch.where(is_atom, bound, state.blocked)), ids
        )

    def reserve(self, state: Any) -> Tensor:
        """Steps to keep back for open labels, were a production chosen ``(B, V)``."""
        at_bottom = (state.depth == 1)[:, None]
        at_tail = (state.stack[:, :1] == self.tail) & (state.depth > 0)[:, None]
        same = state.opener[:, :, None] == state.opener[:, None, :]
        count = (same & state.open[:, None, :]).sum(2)
        own = (state.opener == state.owner[:, :1]).long()
        closable = (state.open & ~state.blocked & at_tail).long()
        costs = self._bound(state.open, count - closable + own, ~at_tail[:, 0])[:, None]
        # an appended atom can close one label of each opener, but for its neighbour if it has one
        apart, beside = (
            self._bound(state.open, count - 1 + near, False) for near in (0 * own, own)
        )
        appended = torch.where(self.attached, beside[:, None], apart[:, None])
        costs = torch.where(at_bottom & (self.kind == _ATOM), appended, costs)
        branched = self._bound(state.open, count + own, True)[:, None]
        costs = torch.where(at_bottom & (self.kind == _BRANCH), branched, costs)
        unclosed = at_bottom & state.open.any(1, keepdim=True)
        costs = costs.masked_fill(unclosed & (self.kind == _END), NEVER)
        # closing a label bonds the newest atom to its opener, whose other labels it then blocks
        closed = self._bound(
            state.open[:, None, :] & ~self.diagonal,
            (count + own)[:, None, :] - (same | (closable > 0)[:, None, :]).long(),
            ~at_tail,
        ).masked_fill(state.blocked, NEVER)
        newest = (state.open & (state.opener == state.atoms[:, None] - 1)).long()
        opened = self._bound(
            state.open[:, None, :] | self.diagonal,
            torch.where(
                self.diagonal,
                (1 + newest.sum(1, keepdim=True) + at_bottom)[:, None],
                (count - closable + own + newest)[:, None, :],
            ),
            ~at_tail,
        )
        rings = torch.where(state.open, closed, opened)[:, self.label]
        twice = (state.bonded & state.open)[:, self.label] & self.with_bond
        rings = rings.masked_fill(twice | ~self.usable, NEVER)
        return torch.where(self.kind == _RING, rings, costs)

    def _label_step(self, state: RingState, ids: Tensor) -> RingState:
        """Open or close the label of each production that has one."""
        label = self.label[ids][:, None]
        is_label = torch.arange(self.label_count, device=label.device) == label
        chosen = is_label & (self.kind[ids] == _RING)[:, None]
        opens, closes = chosen & ~state.open, chosen & state.open
        partner = state.opener.gather(1, label)
        bound = closes.any(1, keepdim=True) & (state.opener == partner)
        return replace(
            state,
            open=state.open ^ chosen,
            opener=torch.where(opens, state.atoms[:, None] - 1, state.opener),
            bonded=torch.where(opens, self.with_bond[ids][:, None], state.bonded),
            blocked=state.blocked | bound | opens,
        )

    def _bound(self, open_labels: Tensor, atoms: Tensor, branched: Tensor | bool) -> Tensor:
        """The reserve of the class docstring, from the atoms each label needs ``(..., K)``."""
        most = (open_labels * atoms).amax(-1)
        first = self.branch_price * ((most > 0) & branched)
        bound: Tensor = open_labels.sum(-1) + self.atom_price * most + first
        return bound


def _ring_label(rule: Production) -> int | None:
    """Number of the ring label of a production."""
    labels = [s[1:-1].strip("%") for s in rule.right if is_terminal(s)]
    return int(labels[0]) if rule.left == "tail" and labels and labels[0].isdigit() else None


def _kind(rule: Production) -> int:
    if _ring_label(rule) is not None:
        return _RING
    if rule.left in ("tail", "more") and not rule.right:
        return _END
    if "tail" in rule.right:
        return _ATOM
    return _BRANCH if "branch" in rule.right else _OTHER
