"""Figures of SymmetryLens: the generator, the lifting map, the filter, and training over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from symmetry_pl.core.painter import Curves
from symmetry_pl.metrics.catalogue import labelled, spec
from symmetry_pl.metrics.generator import nearest_generator, nearest_lifting
from symmetry_pl.plots import generator as drawings

_LOSSES = ("alignment", "uniformity", "marginal_entropy", "joint_entropy")
_MERITS = ("loss", "generator_cosine", "lifting_error")
_SIGNALS = 6


class GeneratorPainter:
    """The figures of the SymmetryLens paper, of whatever was learned."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": _LOSSES, "val": _MERITS}

    def paint(self, module: Any, data: Any, curves: Curves) -> Iterator[tuple[str, Any]]:
        """Generator, lifting matrix, filter and signals; in a fit, training over time."""
        found = {name: _array(value) for name, value in module.learned().items()}
        truth = module.data.extra
        basis = np.asarray(truth["ideal_basis"]) if "ideal_basis" in truth else None
        generator = lifting = None
        if basis is not None:
            hidden = (basis.tolist(), truth["topology"])
            generator = _array(nearest_generator(found["generator"].tolist(), *hidden))
            lifting = _array(nearest_lifting(found["lifting_matrix"].tolist(), *hidden))
        yield "generator", drawings.generator(found["generator"], generator, basis)
        yield "lifting_matrix", drawings.lifting(found["lifting_matrix"], lifting)
        yield "filter", drawings.resolving_filter(found["filter"], basis)
        if len(module.shown):
            energy = module.symmetry.scaled(module.shown).square().sum(1)  # not noise alone
            raw = module.shown[energy.topk(min(_SIGNALS, len(energy))).indices.sort().values]
            lifted = _array(module.symmetry(raw))
            scaled = _array(module.symmetry.scaled(raw))
            hidden_signals = None if lifting is None else scaled @ lifting.T
            yield "signals", drawings.lifted_signals(scaled, lifted, hidden_signals)
        panels = {
            panel: labelled(curves, stage, names)
            for panel, stage, names in (
                ("terms of the loss [nats]", "train", _LOSSES),
                (spec("loss").header, "val", _MERITS[:1]),
                ("against the truth", "val", _MERITS[1:]),
            )
        }
        panels = {title: lines for title, lines in panels.items() if lines}
        if panels:
            yield "training", drawings.training(panels)


def _array(value: Tensor) -> npt.NDArray[np.float64]:
    array: npt.NDArray[np.float64] = value.detach().double().cpu().numpy()
    return array
