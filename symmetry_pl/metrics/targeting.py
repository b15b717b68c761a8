"""What molecules that were asked for properties are worth, judged by RDKit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symmetry_pl.molecules.chemistry import canonical_smiles
from symmetry_pl.molecules.descriptors import DESCRIPTORS, descriptors

__all__ = ["Judgement", "judge", "retrieved"]


_OF_VALID = ("mae", "median", "unique", "novel", "slope", "low", "mid", "high")


@dataclass(frozen=True)
class Judgement:
    """Molecules and what was asked of them.

    Args:
        smiles: strings, valid or not.
        wanted: values asked for ``(B, C)``, in the properties' own units.
        names: of the properties, among ``DESCRIPTORS``.
        pool: values of training molecules ``(N, C)``, for what an unrelated one is off.
    """

    smiles: Sequence[str]
    wanted: Tensor
    names: Sequence[str]
    pool: Tensor


def judge(told: Judgement, known: set[str]) -> dict[str, float]:
    r"""Figures of the protocol of FreeGress (Ninniri et al. 2024), and what it leaves out.

    ``mae``: mean of abs(value - wanted) over the valid, and over the properties in their own units;
    ``mae_all``: the same, an invalid one being as far off as training molecules are on average;
    ``valid``: RDKit reads it, and it is one fragment; ``unique``: different ones of the valid;
    ``novel``: of the different ones, those that are no training molecule; ``slope`` of the values
    on what was asked; ``low``, ``mid``, ``high``: the error by third of what was asked; ``random``:
    that of training molecules; ``mean``: of always the mean. Slopes and thirds are of the first
    property. What has no molecule to be computed of is NaN.

    Args:
        told: the molecules.
        known: canonical SMILES of training molecules.
    """
    texts = [canonical_smiles(s) if s and "." not in s else None for s in told.smiles]
    valid = torch.tensor([text is not None for text in texts])
    columns = [list(DESCRIPTORS).index(name) for name in told.names]
    rows = [descriptors(text) for text in texts if text is not None]
    wanted, pool = told.wanted.double(), told.pool.double()
    sample = pool[:: max(1, len(pool) // 2000)]
    unrelated = torch.cdist(wanted[:, :1], sample[:, :1], 1).mean(1)
    for i in range(1, wanted.shape[1]):
        unrelated = unrelated + torch.cdist(wanted[:, i : i + 1], sample[:, i : i + 1], 1).mean(1)
    unrelated = unrelated / wanted.shape[1]
    found = {"valid": float(valid.double().mean()), "random": float(unrelated.mean())}
    found["mean"] = float((wanted - pool.mean(0)).abs().mean())
    if not rows:
        return dict.fromkeys(_OF_VALID, float("nan")) | found | {"mae_all": found["random"]}
    value = torch.tensor(rows, dtype=torch.float64)[:, columns]
    error = (value - wanted[valid]).abs().mean(1)
    different = {text for text in texts if text is not None}
    off = unrelated.clone()
    off[valid] = error
    x, y = wanted[valid, 0], value[:, 0]
    thirds = torch.bucketize(x, torch.quantile(wanted[:, 0], torch.tensor([1 / 3, 2 / 3]).double()))
    found |= {
        "mae": float(error.mean()),
        "mae_all": float(off.mean()),
        "median": float(error.median()),
        "unique": len(different) / len(rows),
        "novel": len(different - known) / len(different),
        "slope": float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()),
    }
    for k, name in enumerate(("low", "mid", "high")):
        here = thirds == k
        found[name] = float(error[here].mean())
    return found


def retrieved(wanted: Tensor, pool: Tensor, count: int) -> dict[str, float]:
    """Figures of answering with the nearest training molecules: near, and none of them new.

    The nearest have the smallest sum of distances in standard deviations of the pool. ``unique``
    counts molecules that answer several questions once.

    Args:
        wanted: values asked for, a row a question ``(Q, C)``.
        pool: those of training molecules, all different ``(N, C)``.
        count: answers to each question.

    >>> pool = torch.tensor([[1.0], [2.0], [4.0]])
    >>> found = retrieved(torch.tensor([[1.9], [2.5]]), pool, 2)
    >>> round(found["mae"], 3), found["unique"], found["novel"]
    (0.75, 0.5, 0.0)
    """
    wanted, pool = wanted.double(), pool.double()
    scale = pool.std(0, unbiased=False)
    count = min(count, len(pool))
    nearest = [
        ((pool - row).abs() / scale).sum(1).topk(count, largest=False).indices for row in wanted
    ]
    rows = torch.stack(nearest)
    error = (pool[rows] - wanted[:, None]).abs().mean()
    different = len(set(rows.flatten().tolist())) / rows.numel()
    return {"mae": float(error), "valid": 1.0, "unique": different, "novel": 0.0}
