"""How far a set agrees with generators found in another one, and how near they are to the truth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, Evaluator, Stage
from symmetry_pl.lens.algebra.equations import residuals
from symmetry_pl.metrics.algebra import algebra_scores, closure_residual

_SHOWN = 64  # samples kept for the figures
_CHUNK = 1000


class AlgebraEvaluator(Evaluator):
    r"""The violation of generators X in units of sampling noise, and figures of their space.

    .. math:: n\, \frac{\|R\, \bar r\|^2}{\overline{\|R\,(r - \bar r)\|^2}}, \quad
        r = \nabla f(x)^\top X x

    1 is noise alone; it is the mean over the generators, and beside it that of the best matrix
    that is none of them.
    """

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add the equations of a batch."""
        self.show(_SHOWN, x=batch[0])
        chosen = model.directions[: int(model.count) + 1].double()
        root, bank = model.root.double(), model.bank
        for part in model.whitened(batch[0]).double().split(_CHUNK):
            found = torch.einsum("ef,nfg->neg", root, residuals(bank, part, chosen))
            size = torch.full_like(found[0, :1], len(found))
            # one tensor (f + 2, g + 1): sums of r, of ‖r‖², and the number of samples
            sums = torch.cat([found.sum(0), found.square().sum((0, 1))[None], size])
            self.sum_up("equations", sums)

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        total = self.total("equations")
        count, n = int(model.count), total[-1]
        mean = (total[:-2] / n).square().sum(0)
        violation = n * mean / (total[-2] / n - mean)
        own = violation[:count].mean() if count else torch.ones(())
        values = {
            "objective": own,
            "violation_of_next": violation[count],
            "generator_count": torch.tensor(float(count)),
            "generator_p_value": model.p_values[0],
        }
        if count:
            values["violation"] = own
        if count > 1:
            values["closure_residual"] = closure_residual(model.directions[:count])
        truth = None if model.data is None else model.data.extra.get("algebra")
        if truth is not None:
            scores = algebra_scores(model.generators().double(), truth)
            values |= {name: torch.tensor(value) for name, value in scores.items()}
        return values
