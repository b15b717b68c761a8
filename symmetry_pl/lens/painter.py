"""Figures of learned generators: each beside the true one, what they lift, and training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from symmetry_pl.core import Evaluator
from symmetry_pl.core.painter import Curves, plain
from symmetry_pl.lens.evaluation import true_symmetry
from symmetry_pl.metrics.catalogue import labelled, spec
from symmetry_pl.metrics.generator import matched_axes, nearest_generator, nearest_lifting
from symmetry_pl.plots import generator as drawings

_LOSSES = ("alignment", "uniformity", "marginal_entropy", "joint_entropy")
_MERITS = ("loss", "generator_cosine", "lifting_error")
_SIGNALS = 6


class GeneratorPainter:
    """The figures of the SymmetryLens paper, of whatever was learned."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": _LOSSES, "val": _MERITS}

    def paint(
        self, model: Any, evaluator: Evaluator, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Every generator; lifting matrix, filter and signals if any; training over time."""
        yield from _generators(model)
        if "lifting_matrix" in model.learned():
            yield from _representation(model, evaluator)
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


def _generators(model: Any) -> Iterator[tuple[str, Any]]:
    """Each generator beside the true one next to it."""
    found, truth = model.generators().detach(), true_symmetry(model.data)
    axes = {} if truth is None else matched_axes(found, *truth)
    for k, one in enumerate(found):
        ideal = basis = None
        if truth is not None and k in axes:
            basis = np.asarray(truth[0])
            ideal = plain(nearest_generator(one.double(), *truth, axis=axes[k]))
        name = "generator" if len(found) == 1 else f"generator_{k + 1}"
        yield name, drawings.generator(plain(one), ideal, basis)


def _representation(model: Any, evaluator: Evaluator) -> Iterator[tuple[str, Any]]:
    """What a group convolution lifts."""
    found = {name: plain(value) for name, value in model.learned().items()}
    truth = true_symmetry(model.data)
    basis = lifting = None
    if truth is not None:
        basis = np.asarray(truth[0])
        lifting = plain(nearest_lifting(found["lifting_matrix"].tolist(), *truth))
    yield "lifting_matrix", drawings.lifting(found["lifting_matrix"], lifting)
    yield "filter", drawings.resolving_filter(found["filter"], basis)
    if "x" in evaluator.shown:
        shown = evaluator.shown["x"].to(model.device)
        energy = model.symmetry.scaled(shown).square().sum(1)  # not noise alone
        raw = shown[energy.topk(min(_SIGNALS, len(energy))).indices.sort().values]
        scaled = plain(model.symmetry.scaled(raw))
        hidden = None if lifting is None else scaled @ lifting.T
        yield "signals", drawings.lifted_signals(scaled, plain(model.symmetry(raw)), hidden)
