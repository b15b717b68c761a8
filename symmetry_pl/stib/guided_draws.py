"""Draws of a ``PropertyGenerator``, guided towards what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from symmetry_pl.molecules.prefix.kekule import complete
from symmetry_pl.molecules.prefix.machine import Rows
from symmetry_pl.molecules.prefix.reader import GrowingPrefixes, Reading

__all__ = ["Draws", "Steering", "guided_draws", "guided_log_p", "patient_log_p"]


class Steering(NamedTuple):
    """How draws are led to their aim.

    Args:
        strength: s of the guidance; 1 for none.
        temperature: T.
        patience: λ, see ``patient_log_p``; 0 for none, and of no use without running properties.
    """

    strength: float = 1.0
    temperature: float = 1.0
    patience: float = 0.0


@dataclass(frozen=True)
class Draws:
    """Molecules that were drawn.

    Args:
        ids: symbols ``(B, L)``, zeros behind the end.
        whole: whether each is a molecule by the machine's own rules ``(B,)``.
        estimates: standardised properties by the model's own sums ``(B, P)``; P is 0 without any.
        drafts: strings that were begun for them, the broken ones with them.
    """

    ids: Tensor
    whole: Tensor
    estimates: Tensor
    drafts: int


def guided_log_p(given: Tensor, free: Tensor, strength: float, temperature: float) -> Tensor:
    r"""Log-probabilities ``(B, V)`` that prefer what the aim makes likelier.

    .. math:: \log p \propto \frac{1}{T} \bigl(u + s\,(c - u)\bigr)

    (Ho & Salimans 2022, eq. 6, on log-probabilities.) At s = 1 and T = 1 they are those given the
    aim.

    Args:
        given: c, given the aim ``(B, V)``.
        free: u, given nothing ``(B, V)``.
        strength: s.
        temperature: T > 0.
    """
    return ((free + strength * (given - free)) / temperature).log_softmax(-1)


def patient_log_p(log_p: Tensor, off: Tensor, patience: float) -> Tensor:
    r"""Log-probabilities ``(B, V)`` that put the end off while the aim is not reached.

    .. math:: p(\text{end}) \leftarrow p(\text{end})\, e^{-\lambda \delta}, \text{ normalised again}

    What is likelier instead is to go on with the same string: none is thrown away for that.

    Args:
        log_p: of the symbols; the end is the first ``(B, V)``.
        off: δ, what the sums so far are off, in standard deviations, the mean over the properties
            asked for ``(B,)``.
        patience: λ, nats a standard deviation.
    """
    cost = torch.zeros_like(log_p)
    cost[:, 0] = patience * off
    return (log_p - cost).log_softmax(-1)


@torch.no_grad()
def guided_draws(
    model: Any,
    aim: Tensor,
    asked: Tensor,
    steering: Steering,
    seed: int = 0,
    rounds: int = 20,
    code: Tensor | None = None,
) -> Draws:
    """One molecule for each row, drawn symbol by symbol, without a mask.

    A draft that breaks the grammar, or ends as no molecule by the rules of ``molecules.prefix``, is
    drawn again from its beginning; after ``rounds`` it stays broken. No toolkit is asked.

    Args:
        model: a ``PropertyGenerator``.
        aim: standardised ``(B, C)``.
        asked: 1 where a property is asked for ``(B, C)``.
        steering: how they are led to the aim.
        seed: of the draws.
        rounds: drafts a molecule at most.
        code: a further condition ``(B, k)``.
    """
    generator = torch.Generator(aim.device).manual_seed(seed)
    length = model.data.x_shape[0]
    ids = torch.zeros(len(aim), length, dtype=torch.int64)
    whole = torch.zeros(len(aim), dtype=torch.bool)
    width = len(model.data.target_names) if model.told else 0
    estimates = aim.new_zeros(len(aim), width).cpu()
    drafts, left = 0, torch.arange(len(aim))
    for _ in range(rounds):
        if not len(left):
            break
        drafts += len(left)
        rows = left.to(aim.device)
        given = None if code is None else code[rows]
        found = _draft(model, aim[rows], asked[rows], steering, generator, given)
        ids[left], whole[left], estimates[left] = found
        left = left[~found[1]]
    return Draws(ids, whole, estimates, drafts)


def _draft(
    model: Any,
    aim: Tensor,
    asked: Tensor,
    steering: Steering,
    generator: torch.Generator,
    code: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, whether they are molecules, and estimates; rows that have ended cost nothing more."""
    table = model.running.table if model.told else None
    growing = GrowingPrefixes(model.data.symbols, len(aim), table, keys=True)
    guided = steering.strength != 1
    told = _Told(aim, asked, code)
    if guided:
        twice = None if code is None else torch.cat([code, code])
        told = _Told(torch.cat([aim, aim]), torch.cat([asked, 0 * asked]), twice)
    broken, written = np.zeros(len(aim), np.bool_), []
    live, state = np.arange(len(aim)), None
    for step in range(model.data.x_shape[0] + 1):
        reading = _timed(growing.reading(), live, 1 + guided)
        log_p, state = model.model(
            *model.inputs(reading, told.aim, told.asked), state, code=told.code
        )
        parts = log_p[:, 0].double().chunk(1 + guided)
        log_p = guided_log_p(parts[0], parts[-1], steering.strength, steering.temperature)
        if steering.patience and model.told:
            log_p = patient_log_p(log_p, _off(model, growing, live, told), steering.patience)
        ids = np.zeros(len(aim), np.int64)
        ids[live] = torch.multinomial(log_p.exp(), 1, generator=generator)[:, 0].cpu().numpy()
        broken[live] |= ~growing.machine.allowed(growing.state)[live, ids[live]]
        ids[broken] = 0
        growing.step(ids)
        if step < model.data.x_shape[0]:
            written.append(ids)
        kept = ~growing.state.done[live]
        if not kept.any():
            break
        live, rows = live[kept], torch.from_numpy(np.tile(kept, 1 + guided)).to(aim.device)
        told, state = told.among(rows), state[:, rows]
    assert growing.keys is not None
    whole = complete(growing.machine, growing.state, growing.keys) & ~broken
    found = torch.zeros(len(aim), model.data.x_shape[0], dtype=torch.int64)
    found[:, : len(written)] = torch.from_numpy(np.stack(written, 1))
    estimates = aim.new_zeros(len(aim), 0).cpu()
    if model.told:
        estimates = model.running.complete(torch.from_numpy(growing.keys.sums).to(aim)).cpu()
    return found, torch.from_numpy(whole), estimates


class _Told(NamedTuple):
    """What rows are told: aims, what is asked for, codes; those of the second law behind."""

    aim: Tensor
    asked: Tensor
    code: Tensor | None

    def among(self, rows: Tensor) -> _Told:
        return _Told(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type]


def _off(model: Any, growing: GrowingPrefixes, live: Rows, told: _Told) -> Tensor:
    """What the sums so far are off, the mean over the properties asked for ``(B,)``."""
    assert growing.keys is not None
    aim, asked = told.aim[: len(live)], told.asked[: len(live)]
    so_far = model.running.complete(torch.from_numpy(growing.keys.sums[live]).to(aim))
    found: Tensor = ((so_far[:, model.columns] - aim).abs() * asked).sum(1)
    return found / asked.sum(1).clamp(min=1)


def _timed(reading: Reading, live: Rows, copies: int) -> Reading:
    """Some rows, with an axis of one step, and as often as there are laws to ask."""
    parts = (reading.last, reading.here, reading.features, reading.sums)
    return Reading(*(np.concatenate([part[live, None]] * copies) for part in parts))
