"""How well molecules have what was asked for, as RDKit computes it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Evaluator, Stage
from symmetry_pl.metrics.targeting import Judgement, judge
from symmetry_pl.stib.guided_draws import Draws, guided_draws
from symmetry_pl.stib.targeting_protocol import TargetingProtocol

__all__ = ["TargetingEvaluator"]


class TargetingEvaluator(Evaluator):
    """Likelihoods of held-out molecules; and, in a test, draws for the properties of some of them.

    The targets are the first of the set, whose order is random by the seed of the split. Figures
    ``asked_<task>_…`` are of ``metrics.targeting``: errors in the properties' own units, by RDKit.
    Drawing asks it nothing; ``best4`` is the best of four draws by the model's own sums.

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
        values: dict[str, float] = {}
        for k, row in enumerate(self.tasks):
            asked = row.to(aim).expand_as(aim)
            found = self._draw(model, aim, asked, k)
            label = self._label(row)
            values |= self._figures(f"asked_{label}", found, aim, row, known)
            values[f"asked_{label}_drafts"] = found.drafts / len(aim)
            if self.protocol.best_of and model.told:
                best = self._best(model, aim, asked, k)
                values |= self._figures(
                    f"asked_{label}_best{self.protocol.best_of}", best, aim, row, known
                )
        asked = torch.zeros_like(aim)
        free = guided_draws(model, aim, asked, 1.0, 1.0, seed=len(self.tasks))
        for row in self.tasks:
            label = f"asked_{self._label(row)}_unconditional"
            mean = self._figures(label, free, aim, row, known)
            values |= {name: mean[name] for name in (f"{label}_mae", f"{label}_valid")}
        return {k: torch.as_tensor(v, dtype=torch.float32) for k, v in values.items()}

    def _draw(self, model: Any, aim: Tensor, asked: Tensor, seed: int) -> Draws:
        told = self.protocol
        return guided_draws(model, aim, asked, told.strength, told.temperature, seed=seed)

    def _best(self, model: Any, aim: Tensor, asked: Tensor, k: int) -> Draws:
        """The nearest of several draws by the model's own sums, those that are molecules first."""
        every = [
            self._draw(model, aim, asked, 1000 * (k + 1) + i) for i in range(self.protocol.best_of)
        ]
        off = torch.stack(
            [
                ((one.estimates[:, self.columns] - aim.cpu()).abs() * asked.cpu()).sum(1)
                + 1e3 * ~one.whole
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
        names = [self.data.target_names[self.columns[int(i)]] for i in row.nonzero()[:, 0]]
        return "_".join(name.removesuffix("_rdkit") for name in names)

    def _figures(
        self, label: str, found: Draws, aim: Tensor, row: Tensor, known: Any
    ) -> dict[str, float]:
        chosen = [self.columns[int(i)] for i in row.nonzero()[:, 0]]
        scale = aim.new_tensor(self.data.target_scale)[chosen].double().cpu()
        mean = aim.new_tensor(self.data.target_mean)[chosen].double().cpu()
        wanted = aim.double().cpu()[:, row.bool()] * scale + mean
        texts = ["".join(self.data.symbols[i] for i in ids if i) for ids in found.ids.tolist()]
        pool = known.y[:, chosen].double() * scale + mean
        told = Judgement(texts, wanted, [self.data.target_names[i] for i in chosen], pool)
        return {f"{label}_{name}": value for name, value in judge(told, self._known(known)).items()}

    def _known(self, known: Any) -> set[str]:
        """The training molecules as strings, made once a set."""
        if not hasattr(self, "_strings"):
            symbols = self.data.symbols
            self._strings = {"".join(symbols[i] for i in ids if i) for ids in known.tokens.tolist()}
        return self._strings
