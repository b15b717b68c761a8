"""Figures of learned generators: each beside the true one, what they lift, and training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from symmetry_pl.core import Evaluator
from symmetry_pl.core.painter import Curves, plain
from symmetry_pl.lens.domain_evaluation import true_places
from symmetry_pl.lens.domains.channels import of_inputs
from symmetry_pl.lens.domains.find import FoundDomain
from symmetry_pl.lens.evaluation import true_symmetry
from symmetry_pl.metrics.catalogue import labelled, spec
from symmetry_pl.metrics.generator import matched_axes, nearest_generator, nearest_lifting
from symmetry_pl.metrics.places import coordinates, matched_channels
from symmetry_pl.plots import generator as drawings
from symmetry_pl.plots.images import cell_maps, image_rows

_LOSSES = ("alignment", "uniformity", "marginal_entropy", "joint_entropy")
_MERITS = ("loss", "generator_cosine", "lifting_error")
_SIGNALS = 6
_GROWING = 8  # images that are shown while a lattice grows
_COLOURS = 3
_DRAWN = 196  # inputs up to which a generator is drawn as a matrix
_SHARE = 0.002  # of pixels that may be brighter than white, and darker than black


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


class DomainPainter:
    """The vectors as they come, as images of what was found, and moved along its axes."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": ("stencil_error",)}

    def paint(
        self, model: Any, evaluator: Evaluator, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Images or signals; how the lattice grew; places; generators; training."""
        if "x" in evaluator.shown:
            yield "images", _unscrambled(model, evaluator.shown["x"])
            if (model.grown >= 0).any():
                yield "growth", _growing(model, evaluator.shown["x"][:_GROWING])
        if torch.isfinite(model.evidence).all():
            yield "places", cell_maps(_maps(model.found(), true_places(model.data)))
        if model.dim <= _DRAWN:
            yield from _generators(model)
        lines = labelled(curves, "train", ("stencil_error",))
        if lines:
            yield "training", drawings.training({spec("stencil_error").header: lines})


def _unscrambled(model: Any, x: Tensor) -> Any:
    """Vectors before and after, and moved by one step along each axis."""
    x = x.to(model.device)
    layer, generators = model.as_layer(), model.generators()
    if len(layer.shape) == 1:
        return drawings.lifted_signals(plain(x[:_SIGNALS]), plain(layer(x[:_SIGNALS])[:, 0]))
    side = int(np.ceil(model.dim**0.5))
    before = x.new_zeros(len(x), side**2)
    before[:, : model.dim] = x
    rows = [("as they come", before.view(-1, 1, side, side)), ("found", _visible(model, layer(x)))]
    for k, one in enumerate(generators):
        moved = x
        for _ in range(max(1, layer.shape[k] // 6)):
            moved = moved @ one.T
        rows.append((f"along axis {k + 1}", _visible(model, layer(moved))))
    low, high = np.quantile(plain(x), [_SHARE, 1 - _SHARE])
    return image_rows([(name, _tiles(plain(images), low, high)) for name, images in rows])


def _visible(model: Any, images: Tensor) -> Tensor:
    """Images ``(n, k, H, W)`` as grey or in colour: three channels as they are, more as a mean.

    Three have the order of the true ones where these are known, as it is not found.
    """
    if images.shape[1] != _COLOURS:
        return images.mean(1, keepdim=True)
    truth = model.data.extra.get("channels")
    if truth is None:
        return images
    found = of_inputs(model.members, torch.arange(_COLOURS))
    names = matched_channels(found, torch.tensor(truth))
    order = [int(names[found == channel][0]) for channel in range(_COLOURS)]
    return images[:, np.argsort(order)]


def _growing(model: Any, x: Tensor) -> Any:
    """Images of the pixels that were glued so far, and with the gaps filled."""
    layer = model.as_layer()
    images = plain(_visible(model, layer(x.to(model.device))))
    when = np.full(model.domain.size, np.nan)
    placed = plain(model.places >= 0).astype(bool)
    grown = plain(model.grown)[placed]
    when[plain(model.places)[placed].astype(int)] = np.where(grown < 0, np.inf, grown)
    when = when.reshape(layer.shape)
    number = int((grown >= 0).sum())
    low, high = np.quantile(plain(x), [_SHARE, 1 - _SHARE])
    stages = [4, *(count for count in (number // 8, number // 4, number // 2) if count > 4), number]
    rows = [
        (f"{count} pixels", _tiles(np.where(when < count, images, np.inf), low, high))
        for count in stages
    ]
    return image_rows([*rows, ("repaired", _tiles(images, low, high))])


def _tiles(images: Any, low: float, high: float) -> Any:
    """Square images ``(n, C, S, S)`` in [−1, 1], white where there is nothing."""
    channels, height, width = images.shape[1:]
    side = max(height, width)
    square = np.ones((len(images), channels, side, side))
    top, left = (side - height) // 2, (side - width) // 2
    scaled = np.clip(2 * (images - low) / max(high - low, 1e-12) - 1, -1, 1)
    square[:, :, top : top + height, left : left + width] = scaled
    return square


def _maps(found: FoundDomain, truth: tuple[Tensor, Any] | None) -> list[tuple[str, Any]]:
    """For each cell the number of its input, and the true coordinates of that."""
    placed = (found.places >= 0).nonzero()[:, 0]
    shape = [length for length, _ in found.domain.axes]

    def on_cells(values: Tensor) -> Any:
        cells = np.full(found.domain.size, np.nan)
        cells[found.places[placed].numpy()] = values.numpy()
        return cells.reshape(shape if len(shape) > 1 else (1, -1))

    maps = [("number of the input", on_cells(placed))]
    if truth is not None:
        where = coordinates(truth[0], truth[1])[placed]
        maps += [(f"true place on axis {k + 1}", on_cells(one)) for k, one in enumerate(where.T)]
    return maps
