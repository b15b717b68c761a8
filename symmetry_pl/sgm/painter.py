"""Figures of SGM: prototypes, orbits, resampled images and the densities of transformations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from symmetry_pl.core.painter import Curves, plain
from symmetry_pl.groups import Group
from symmetry_pl.groups.linear_maps import PositiveLinear
from symmetry_pl.groups.naming.named_group import NamedGroup
from symmetry_pl.metrics.catalogue import labelled, spec
from symmetry_pl.metrics.prototypes import relative_magnitude
from symmetry_pl.plots import basic, elements, images
from symmetry_pl.sgm.cloud_evaluation import CloudEvaluator
from symmetry_pl.sgm.evaluation import PrototypeEvaluator
from symmetry_pl.sgm.orbits import copies_of, iterated
from symmetry_pl.sgm.prototype_module import PrototypeModule
from symmetry_pl.sgm.scores import PrototypeScores, random_elements

_COLUMNS, _ROWS, _ORBITS, _COPIES, _DRAWN, _STEPS = 12, 5, 3, 8, 2000, 4
_CLOUDS = 6
_TRAINING = ("loss", "mse", "nll_eta", "spread")
_MERITS = ("prototype_spread", "iterate_ratio_1")
_ELEMENT_LOSSES = ("velocity_mse", "task_loss")
_ELBOS = ("elbo", "elbo_prototype")


class PrototypePainter:
    """The figures of the SGM paper, of the images of the last evaluation."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": _TRAINING, "val": _MERITS}

    def paint(
        self, model: Any, evaluator: Any, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Prototypes, orbits, iterates; with a fitted flow also resampled images and densities."""
        if "x" not in evaluator.shown:
            return
        was_training = model.training
        model.eval()
        try:
            shown = evaluator.shown["x"].to(model.device)
            if isinstance(evaluator, CloudEvaluator):
                yield from _cloud_figures(model, evaluator, shown)
            else:
                yield from _figures(model, evaluator, shown)
            if evaluator.factors is not None:
                true, drawn = map(plain, evaluator.factors)
                yield "factors", _factor_figure(true, drawn, data)
        finally:
            model.train(was_training)
        for name, stage, keys, label in (
            ("inference", "val", _MERITS, "spread of prototypes; ratio of |η|"),
            ("losses", "train", ("loss", "mse"), "self-supervised loss"),
            ("likelihood", "train", ("nll_eta",), spec("nll_eta").title),
        ):
            found = labelled(curves, stage, keys)
            if found:
                yield name, basic.history(found, label)


class VAEPainter:
    """Reconstructions of images of the last evaluation, and new images."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": _ELBOS, "val": (*_ELBOS, "mse_x")}

    def paint(
        self, model: Any, evaluator: Any, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Images, their prototypes where the model has any, what it makes of them, and samples."""
        if "x" not in evaluator.shown:
            return
        x = evaluator.shown["x"].to(model.device)
        rows = [("images", plain(x))]
        if model.symmetry == "invariant":
            rows.append(("prototypes", plain(model.sgm.canonicalise(x)[0])))
        rows.append(("reconstructions", plain(model.reconstruct(x))))
        rows.append(("samples", plain(model.sample(_noise(x, len(x), model.noise_columns, 0)))))
        yield "reconstructions", images.image_rows(rows)
        found = labelled(curves, "val", _ELBOS)
        if found:
            yield "bounds", basic.history(found, "ELBO [nats]")


class ElementPainter:
    """Clouds and what drawn elements make of them; the elements on their group."""

    curves: ClassVar[dict[str, tuple[str, ...]]] = {"train": _ELEMENT_LOSSES, "val": ()}

    def paint(
        self, model: Any, evaluator: Any, data: Any, curves: Curves
    ) -> Iterator[tuple[str, Any]]:
        """Clouds before and after, elements of a test, and the loss of training."""
        if "x" in evaluator.shown:
            x = evaluator.shown["x"][:_CLOUDS].to(model.device)
            filled = x.nan_to_num(0.0)
            drawn = model.drawn(filled, torch.arange(len(x)), 0)
            moved = model.group.apply(drawn, x)
            yield "moved", elements.clouds([("clouds", plain(x)), ("moved", plain(moved))])
        if evaluator.elements is not None and evaluator.named is not None:
            yield "elements", _element_figure(model.group, evaluator.elements, evaluator.named)
        found = labelled(curves, "train", _ELEMENT_LOSSES)
        if found:
            yield "loss", basic.history(found, "loss")


def _figures(
    module: PrototypeModule, evaluator: PrototypeEvaluator, shown: Tensor
) -> Iterator[tuple[str, Any]]:
    group, infer = module.group, module.inference
    x = shown[:_COLUMNS]
    prototypes, element = module.canonicalise(x)
    rows = [("test images", plain(x)), ("prototypes", plain(prototypes))]
    if module.fitted:
        for k in range(3):
            again, _ = module.resample(x, _noise(x, len(x), module.noise_dim, k))
            rows.append(("resampled" if k == 0 else "", plain(again)))
    yield "prototypes", images.image_rows(rows)
    yield "orbits", _orbits(module, evaluator.scores, shown[:_ORBITS])
    elements, iterates = iterated(group, infer, shown, _STEPS)
    steps = [x, *(prototype[: len(x)] for prototype in iterates)]
    sizes = relative_magnitude(group, elements)
    yield "iterates", images.iterates(plain(torch.stack(steps)), plain(sizes))
    if module.fitted:
        context = prototypes[:_ROWS]
        noise = _noise(x, len(context) * _DRAWN, module.noise_dim, 9)
        samples = module.generative.sample(noise, context).view(-1, _DRAWN, group.dim)
        yield (
            "densities",
            images.marginals(
                plain(x[:_ROWS]),
                plain(prototypes[:_ROWS]),
                plain(samples),
                plain(module.coordinates(element[:_ROWS])),
                [f"{n} [{u}]" if u else n for n, u in zip(group.names, group.units, strict=True)],
                group.periods,
            ),
        )


def _cloud_figures(
    module: PrototypeModule, evaluator: CloudEvaluator, shown: Tensor
) -> Iterator[tuple[str, Any]]:
    """Clouds and prototypes, overlaid by their own frames; elements on their group."""
    x = shown[:_CLOUDS]
    rows = [("clouds", plain(x)), ("prototypes", plain(module.canonicalise(x)[0]))]
    if module.fitted:
        again, _ = module.resample(x, _noise(x, len(x), module.noise_dim, 0))
        rows.append(("resampled", plain(again)))
    yield "prototypes", elements.clouds(rows)
    if evaluator.elements is not None and evaluator.named is not None:
        yield "elements", _element_figure(module.group, evaluator.elements, evaluator.named)


def _element_figure(group: Group, found: Tensor, named: NamedGroup) -> Any:
    """Elements, of linear maps their rotations, and those of the group they are named."""
    size = found.shape[-1]
    if isinstance(group, PositiveLinear):
        found = group.element(group.coordinates(found) * found.new_tensor([1.0, 0.0, 0.0, 0.0]))
    draw = elements.angle_histogram if size == 2 else elements.rotation_map
    return draw(plain(found), named.elements.reshape(-1, size, size), named.name)


def _factor_figure(true: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64], data: Any) -> Any:
    bins = data.factor_bins()
    first = next(iter(bins.values()))
    ranges = [
        (min(b[name][0][0] for b in bins.values()), max(b[name][0][-1] for b in bins.values()))
        for name in first
    ]
    classes = true[:, 0].astype(np.int64)
    return images.factors(true[:, 1:], drawn[:, 1:], classes, [*bins], [*first], ranges)


def _orbits(module: PrototypeModule, scores: PrototypeScores, x: Tensor) -> Any:
    orbit = scores.orbits[""]
    found = copies_of(
        module.group,
        module.inference,
        x,
        random_elements(orbit, x, _COPIES, 7, torch.arange(len(x))),
    )
    prototypes: Tensor = getattr(found, scores.protocol)
    rows: list[tuple[str, npt.NDArray[np.float64]]] = []
    for i in range(len(x)):
        rows.append(("one orbit", plain(found.copies[:, i])))
        rows.append(("prototypes", plain(prototypes[:, i])))
        if module.fitted:
            noise = _noise(x, _COPIES, module.noise_dim, 20 + i)
            again, _ = module.resample(found.copies[:, i], noise)
            rows.append(("resampled", plain(again)))
    return images.image_rows(rows, gaps=range(0, len(rows), len(rows) // len(x))[1:])


def _noise(x: Tensor, count: int, dim: int, stream: int) -> Tensor:
    generator = torch.Generator().manual_seed(stream)
    return torch.randn(count, dim, generator=generator).to(x)
