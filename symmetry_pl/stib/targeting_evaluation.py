"""How well molecules have what was asked for, as RDKit computes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Evaluator, Stage
from symmetry_pl.metrics.targeting import Judgement, judge, retrieved
from symmetry_pl.stib.guided_draws import Draws, Steering, guided_draws
from symmetry_pl.stib.targeting_protocol import TargetingProtocol

__all__ = ["TargetingEvaluator"]

_BESIDE = ("mae", "valid", "unique", "novel")
"""Figures of answers that nothing was asked for."""


class TargetingEvaluator(Evaluator):
    """Likelihoods of held-out molecules; and, in a test, draws for the properties of some of them.

    The targets are the first of the set, whose order is random by the seed of the split. Figures
    ``asked_<task>_…`` are of ``metrics.targeting``: errors in the properties' own units, by RDKit.
    Drawing asks it nothing. Beside one draw of the protocol stand ``plain``, a draw that does not
    wait for its aim; ``best4``, the best of four draws by the model's own sums; ``unconditional``,
    for which nothing was asked; and ``retrieval``, the nearest training molecules.

    Args:
        data: names and scales of the targets.
        columns: places of those that may be asked for.
        tasks: which of these are asked for together ``(n, C)``.
        protocol: how many molecules are asked for, and how they are drawn.
    """

    def __init__(
        self,
        data: DataDescription,
        columns: list[int],
        tasks: Tensor,
        protocol: TargetingProtocol,
    ) -> None:
        super().__init__()
        self.data, self.columns, self.tasks = data, columns, tasks
        self.protocol = protocol

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add a batch."""
        x, y = batch[0], batch[1][:, self.columns]
        kept = stage.places.to(x.device) < self.protocol.likelihoods
        if not bool(kept.any()):
            return
        ones = torch.ones_like(y[kept])
        for name, asked in (("nll_conditional", ones), ("nll_unconditional", 0 * ones)):
            nll = model.nll(x[kept], y[kept], asked)
            self.sum_up(name, torch.stack([nll.sum(), nll.new_tensor(float(len(nll)))]).double())

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """Means over the set, and what the draws are worth."""
        names = ("nll_conditional", "nll_unconditional")
        values = {name: (self.total(name)[0] / self.total(name)[1]).float() for name in names}
        values["objective"] = values["nll_conditional"]
        if self.protocol.targets and stage.thorough and hasattr(stage.data, "split"):
            values |= self._ask(model, stage)
        return values

    def _ask(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        held = stage.data.split(stage.name)
        y = held.__getitems__(range(min(self.protocol.targets, len(held))))[1][:, self.columns]
        aim = y.repeat_interleave(self.protocol.draws, 0).to(model.device, model.dtype)
        known = stage.data.split("train")
        free = guided_draws(model, aim, torch.zeros_like(aim), Steering(), seed=len(self.tasks))
        values: dict[str, float] = {}
        for k, row in enumerate(self.tasks):
            label = f"asked_{self._label(row)}"
            for way, found in self._answers(model, aim, row, k):
                values |= self._figures(f"{label}{way}", found, aim, row, known)
                values[f"{label}{way}_drafts"] = found.drafts / len(aim)
            unasked = self._figures(label, free, aim, row, known)
            values |= {f"{label}_unconditional_{n}": unasked[f"{label}_{n}"] for n in _BESIDE}
            nearest = retrieved(*self._values(y, row, known), self.protocol.draws)
            values |= {f"{label}_retrieval_{n}": nearest[n] for n in _BESIDE}
        return {k: torch.as_tensor(v, dtype=torch.float32) for k, v in values.items()}

    def _answers(self, model: Any, aim: Tensor, row: Tensor, k: int) -> Iterator[tuple[str, Draws]]:
        """One draw for each aim; one that does not wait for its aim; the best of some."""
        asked, steering = row.to(aim).expand_as(aim), self.protocol.steering
        yield "", guided_draws(model, aim, asked, steering, seed=k)
        if not model.told:
            return
        if steering.patience:
            yield "_plain", guided_draws(model, aim, asked, steering._replace(patience=0.0), seed=k)
        if self.protocol.best_of:
            yield f"_best{self.protocol.best_of}", self._best(model, aim, asked, k)

    def _best(self, model: Any, aim: Tensor, asked: Tensor, k: int) -> Draws:
        """The nearest of several draws by the model's own sums, those that are molecules first.

        Errors of several properties are added in their own units, as the protocol scores them.
        """
        units = aim.new_tensor(self.data.target_scale)[self.columns].cpu() * asked.cpu()
        every = [
            guided_draws(model, aim, asked, self.protocol.steering, seed=1000 * (k + 1) + i)
            for i in range(self.protocol.best_of)
        ]
        off = torch.stack(
            [
                ((one.estimates[:, self.columns] - aim.cpu()).abs() * units).sum(1)
                + torch.where(one.whole, 0.0, torch.inf)
                for one in every
            ]
        )
        which, rows = off.argmin(0), torch.arange(len(aim))
        parts = {
            name: torch.stack([getattr(one, name) for one in every])[which, rows]
            for name in ("ids", "whole", "estimates")
        }
        return Draws(**parts, drafts=sum(one.drafts for one in every))

    def _label(self, row: Tensor) -> str:
        names = [self.data.target_names[i] for i in self._chosen(row)]
        return "_".join(name.removesuffix("_rdkit") for name in names)

    def _figures(
        self, label: str, found: Draws, aim: Tensor, row: Tensor, known: Any
    ) -> dict[str, float]:
        wanted, pool = self._values(aim, row, known)
        names = [self.data.target_names[i] for i in self._chosen(row)]
        texts = ["".join(self.data.symbols[i] for i in ids if i) for ids in found.ids.tolist()]
        values = judge(Judgement(texts, wanted, names, pool), self._known(known))
        return {f"{label}_{name}": value for name, value in values.items()}

    def _values(self, aim: Tensor, row: Tensor, known: Any) -> tuple[Tensor, Tensor]:
        """What a task asks for, and training molecules have, in the properties' own units."""
        chosen = self._chosen(row)
        scale = torch.tensor(self.data.target_scale, dtype=torch.float64)[chosen]
        mean = torch.tensor(self.data.target_mean, dtype=torch.float64)[chosen]
        wanted = aim.double().cpu()[:, row.bool().cpu()]
        return wanted * scale + mean, known.y[:, chosen].double() * scale + mean

    def _chosen(self, row: Tensor) -> list[int]:
        return [self.columns[int(i)] for i in row.nonzero()[:, 0]]

    def _known(self, known: Any) -> set[str]:
        """The training molecules as strings, made once a set."""
        if not hasattr(self, "_strings"):
            symbols = self.data.symbols
            self._strings = {"".join(symbols[i] for i in ids if i) for ids in known.tokens.tolist()}
        return self._strings
