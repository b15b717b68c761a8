"""Molecules of a ``PropertyGenerator``, which is told the properties and draws."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription
from symmetry_pl.generate.judging import Judge
from symmetry_pl.generate.sampling import Molecule, Outcome
from symmetry_pl.molecules import Vocabulary, representation
from symmetry_pl.stib.guided_draws import guided_draws
from symmetry_pl.stib.property_generator import PropertyGenerator

__all__ = ["askable", "draw_asked"]

_ROWS = 500  # molecules that are drawn side by side


def askable(model: PropertyGenerator, data: DataDescription) -> list[str]:
    """The targets that may be asked for."""
    return [data.target_names[i] for i in model.columns]


@torch.no_grad()
def draw_asked(
    model: PropertyGenerator,
    data: DataDescription,
    wanted: Mapping[str, float],
    n: int,
    seed: int = 0,
    judge: Judge | None = None,
) -> Outcome:
    """Draw until there are ``n`` molecules that differ, or 50 n have been drawn.

    Strength, temperature and patience are those of the model's own protocol.

    Args:
        model: what draws.
        data: what it was trained on.
        wanted: values by name, in their own units; the others are free.
        n: molecules wanted.
        seed: of the draws.
        judge: of which molecules are near enough; all if None.
    """
    names = askable(model, data)
    mean, scale = (torch.tensor(part) for part in (data.target_mean, data.target_scale))
    physical = mean[model.columns].clone()
    for name, value in wanted.items():
        physical[names.index(name)] = value
    aim = ((physical - mean[model.columns]) / scale[model.columns])[None].to(model.device)
    asked = torch.tensor([[float(name in wanted) for name in names]], device=model.device)
    seeds = torch.Generator().manual_seed(seed)
    outcome, seen = Outcome(), set[str]()
    vocabulary, language = Vocabulary(data.symbols), representation(data.representation)
    while len(outcome.molecules) < n and outcome.decoded < 50 * n:
        rows = min(_likely(n, outcome), _ROWS, 50 * n - outcome.decoded)
        drawn = guided_draws(
            model,
            aim.expand(rows, -1),
            asked.expand(rows, -1),
            model.protocol.steering,
            seed=int(torch.randint(2**31, (), generator=seeds)),
        )
        outcome.drafts += drawn.drafts
        told = drawn.estimates * scale + mean if model.told else None
        for i, symbols in enumerate(vocabulary.decode(drawn.ids)):
            smiles = outcome.admit(language.decode(symbols), seen)
            y: Tensor | None = None if told is None else told[i]
            if smiles is not None and (judge is None or outcome.near_enough(judge, smiles, y)):
                outcome.molecules.append(Molecule(smiles, y, None, None))
    del outcome.molecules[n:]  # the last batch counts as a whole
    return outcome


def _likely(n: int, outcome: Outcome) -> int:
    """Draws that are likely to be needed, by what has become of those before."""
    kept = len(outcome.molecules)
    return math.ceil((n - kept) * max(1, outcome.decoded) / max(1, kept))
