"""Figures of bottleneck methods: what Z0 and Z1 hold, and what moving Z0 does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription, Evaluator
from symmetry_pl.core.painter import Curves
from symmetry_pl.metrics.catalogue import labelled
from symmetry_pl.plots import basic, property_plane
from symmetry_pl.stib.code import Code
from symmetry_pl.stib.invariance import InvarianceModule

_GAME = ("mi_critic", "mi_adversary")
_LEAKAGE = ("mi_z0_y", "mi_z0_y_white", "mi_z0_y_probe")
_STEPS = 5


class InvariancePainter:
    """Latent and property plane, reconstructions, targets, molecules, and the game over time."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": _GAME, "val": _LEAKAGE}

    def paint(
        self, model: Any, evaluator: Evaluator, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Figures of the last evaluation; in a fit, leakage and the game over time."""
        shown = evaluator.shown
        if "x" not in shown:
            return
        yield from _evaluation_figures(model, shown, data.colours(shown["x"], shown["y"]))
        for name, stage, keys, label in (
            ("leakage", "val", _LEAKAGE, "I(Z0;Y) [nats]"),
            ("game", "train", _GAME, "Gaussian I(a(z0); h(y)) [nats]"),
        ):
            found = labelled(curves, stage, keys)
            if found:
                yield name, basic.history(found, label)


def _evaluation_figures(
    model: InvarianceModule, shown: dict[str, Tensor], colours: dict[str, Tensor]
) -> Iterator[tuple[str, Any]]:
    data = model.data
    assert data is not None
    hues = {k: v.double().numpy() for k, v in colours.items()}
    z1 = shown["z1"].double().numpy() if "z1" in shown else None
    z0 = shown["z0"].double().numpy()
    yield "latent_plane", basic.latent_plane(z0, z1, hues)
    if z1 is not None and _sectioned(shown, colours):
        yield "property_plane", property_plane.property_plane(z0, z1, hues)
    if "y_hat" in shown and data.physical:
        truth, predicted = (model.physical(shown[k]).double().numpy() for k in ("y", "y_hat"))
        yield "targets", basic.targets(truth, predicted, data.target_labels)
    if data.kind == "vector" and data.x_shape == (2,):
        points = {k: v.double().numpy() for k, v in shown.items()}
        pairs = [("X", points["x"], points["x_hat"]), ("Y", points["y"], points.get("y_hat"))]
        pairs = [pair for pair in pairs if pair[1].shape[1] == 2]
        yield "reconstructions", basic.reconstructions(pairs, next(iter(hues.items())))
    if data.kind == "tokens":
        yield from _molecule_figures(model, shown, data)


def _sectioned(shown: dict[str, Tensor], colours: dict[str, Tensor]) -> bool:
    """Whether the codes can be cut into sections: they are finite, and enough."""
    values = [shown["z0"], shown["z1"], *colours.values()]
    enough = len(shown["z0"]) >= property_plane.MIN_POINTS
    return enough and all(bool(v.isfinite().all()) for v in values)


def _molecule_figures(
    model: InvarianceModule, shown: dict[str, Tensor], data: DataDescription
) -> Iterator[tuple[str, Any]]:
    from symmetry_pl.molecules import (
        Vocabulary,
        draw_predictions,
        draw_reconstructions,
        representation,
    )

    vocabulary, language = Vocabulary(data.symbols), representation(data.representation)

    def smiles(ids: Tensor) -> list[str | None]:
        return [language.decode(symbols) for symbols in vocabulary.decode(ids)]

    inputs = [s or "" for s in smiles(shown["x"][:12])]
    yield "molecules", draw_reconstructions(inputs, smiles(shown["x_hat"][:12]))
    if "z1" not in shown:
        return
    walk_x, walk_y = walk(model, shown["z0"], shown["z1"])
    units = dict(zip(data.target_names, data.target_units, strict=True))
    properties: list[dict[str, tuple[float, float | None]]] = [
        {n: (float(v), None) for n, v in zip(data.target_names, row, strict=True)}
        for row in model.physical(walk_y)
    ]
    yield (
        "z0_moves_z1_stays",
        draw_predictions(smiles(walk_x), properties, units, columns=_STEPS, references=True),
    )


def walk(model: InvarianceModule, z0: Tensor, z1: Tensor, rows: int = 3) -> tuple[Tensor, Tensor]:
    """Inputs decoded while Z0 moves and Z1 stays, and their targets.

    A row starts from a sample; then its Z0 becomes that of the samples whose Z1 is nearest, one
    after the other, where a straight line in Z0 would cross regions without data. The targets are
    those that the model predicts after encoding the decoded input again, so that they test the
    symmetry instead of repeating g(z1).

    Args:
        model: a method with a Z1.
        z0: ``(N, d0)``.
        z1: ``(N, d1)``.
        rows: starting samples.

    Returns:
        Inputs ``(rows · 5, …)`` and targets ``(rows · 5, t)``, standardised.
    """
    distance = torch.cdist(z1[:rows].float(), z1.float())
    visited = distance.topk(min(_STEPS, len(z1)), largest=False).indices  # itself first
    start = torch.arange(len(visited)).repeat_interleave(visited.shape[1])
    path = z0[visited.flatten()]
    code = Code(path.to(model.device), z1[start].to(model.device))
    x = model.search(model.decode(code), code)
    y_hat = model.predict_target(model.encode(x))
    assert y_hat is not None
    return x.cpu(), y_hat.cpu()
