"""How well a found domain fits a set, what its verdicts rest on, and how near the truth it is."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Evaluator, Stage, reduction
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.channels import of_inputs
from symmetry_pl.lens.domains.find import FoundDomain
from symmetry_pl.lens.evaluation import true_domain, true_symmetry
from symmetry_pl.metrics.bands import band_cosines
from symmetry_pl.metrics.generator import generator_scores
from symmetry_pl.metrics.places import channel_scores, places_scores
from symmetry_pl.metrics.recovery import (
    image_correlation,
    image_correlation_floor,
    shift_correlation,
    turned_axes,
)

_SHOWN = 16  # samples kept for the figures
_COMPARED = 500  # samples kept for comparison with the true images
_LARGEST = 1024  # numbers a sample above which dense generators are not compared
_LOGGED = {
    "live": "live_inputs",
    "agreement": "places_agreement",
    "completeness": "completeness",
    "local": "locality",
    "stationary": "stationary_share",
    "uneven": "unevenness",
}
"""What evidence is logged as."""


class DomainEvaluator(Evaluator):
    """``stencil_error`` of a set, the evidence of the fit, and figures that need the truth.

    In a test the first 500 samples of each process are compared with the true images, where what
    was found has their shape (``image_correlation``; on lines ``shift_correlation`` as well), and
    generators of up to 1,024 numbers band by
    band (``band_cosine``).
    """

    def __init__(self) -> None:
        super().__init__()
        self._samples: list[Tensor] = []

    def reset(self) -> None:
        """Forget the last set."""
        super().reset()
        self._samples = []

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add what the stencil leaves open of a batch, and its variance."""
        self.show(_SHOWN, x=batch[0])
        if stage.name == "test" and sum(map(len, self._samples)) < _COMPARED:
            self._samples.append(batch[0][:_COMPARED])
        open_, whole = model.unexplained(batch[0])
        self.sum_up("squares", torch.stack([open_.double().sum(), whole.double().sum()]))

    def compute(self, model: Any, stage: Stage) -> dict[str, Tensor]:
        """All figures over all processes."""
        open_, whole = self.total("squares")
        values = {"objective": open_ / whole, "stencil_error": open_ / whole}
        if not torch.isfinite(model.evidence).all():  # before the fit
            return values
        found = model.found()
        figures = {name: found.figures[key] for key, name in _LOGGED.items()}
        figures |= {
            "domain_dimensions": float(found.domain.dimensions),
            "domain_found": float(found.verdict.found),
            "lattice_found": float(found.verdict.found and found.domain.dimensions > 1),
            "stationary_found": float(found.stationarity.found),
        }
        figures |= _against_truth(model, found)
        if self._samples and model.channels == 1:
            figures |= _recovered(model, found, torch.cat(self._samples)[:_COMPARED])
        return values | {name: torch.tensor(value) for name, value in figures.items()}


def _against_truth(model: Any, found: FoundDomain) -> dict[str, float]:
    """Exact places where the truth has some, and cosines of generators."""
    mixing = model.data.extra.get("mixing")
    if mixing is not None:
        return _behind(torch.tensor(mixing, dtype=torch.float64), found, model.data)
    if "channels" in model.data.extra:
        told = model.channels == 1 + max(model.data.extra["channels"])
        return _in_colour(model, found) if told else {}
    places, ideal = true_places(model.data), true_symmetry(model.data)
    if places is not None and not model.mixed:
        return places_scores(found.places, found.domain, *places, found.live)
    if places is not None:
        basis = torch.eye(len(places[0]), dtype=torch.float64)[places[0].argsort()]
        ideal = (basis.tolist(), places[1])
    return {} if ideal is None else generator_scores(found.generators(), *ideal)


def _recovered(model: Any, found: FoundDomain, x: Tensor) -> dict[str, float]:
    """How alike found and true images are, and the slow parts of generators."""
    truth = true_images(model.data, x)
    if truth is None:
        return {}
    images, domain = truth
    figures = {}
    if next(turned_axes(found.domain, domain), None) is not None:
        seen = model.as_layer()(x).flatten(1)
        figures = {
            "image_correlation": image_correlation(seen, found.domain, images, domain, reduction()),
            "image_correlation_floor": image_correlation_floor(images, domain, reduction()),
        }
        if domain.dimensions == 1:
            figures["shift_correlation"] = shift_correlation(seen, images, reduction())
            figures["shift_correlation_ceiling"] = shift_correlation(images, images, reduction())
    if model.dim <= _LARGEST:
        one = torch.eye(model.dim, dtype=torch.float64)
        lift = true_images(model.data, one)[0].T  # type: ignore[index]
        moves = lift @ torch.linalg.solve(lift, found.generators(), left=False)
        figures["band_cosine"] = fmean(band_cosines(moves, one, domain))
    return figures


def true_images(data: DataDescription | None, x: Tensor) -> tuple[Tensor, Domain] | None:
    """The images ``(B, d)`` of vectors ``(B, d)`` and their cells, where the data know them."""
    mixing = None if data is None else data.extra.get("mixing")
    if data is not None and mixing is not None:
        undone = torch.linalg.solve(torch.tensor(mixing, dtype=torch.float64).to(x), x, left=False)
        return undone, true_domain(data.extra)
    places, ideal = true_places(data), true_symmetry(data)
    if places is not None and len(places[0]) == places[1].size:
        return x[:, places[0].argsort().to(x.device)], places[1]
    if ideal is None:
        return None
    return x @ torch.tensor(ideal[0], dtype=torch.float64).to(x).T, ideal[1]


def _behind(mixing: Tensor, found: FoundDomain, data: DataDescription) -> dict[str, float]:
    """Cosines of generators, carried to the true pixels s of x = Mᵀ s, rows of M being theirs."""
    generators = torch.linalg.solve(mixing.T, found.generators() @ mixing.T)
    basis = torch.eye(len(mixing)).double().tolist()
    return generator_scores(generators, basis, true_domain(data.extra))


def _in_colour(model: Any, found: FoundDomain) -> dict[str, float]:
    """Scores of inputs of which several share a place."""
    extra, groups = model.data.extra, model.members
    places = of_inputs(groups, found.places[:, None])
    channels = of_inputs(groups, torch.arange(groups.shape[1]))
    truth = torch.tensor(extra["places"]), true_domain(extra)
    return channel_scores(places, channels, found.domain, *truth, torch.tensor(extra["channels"]))


def true_places(data: DataDescription | None) -> tuple[Tensor, Domain] | None:
    """The cell of each input, ``(d,)``, and the cells, where the data know them.

    ``extra`` has ``places`` and ``axes``; or a permutation as an ``ideal_basis``.
    """
    extra = {} if data is None else data.extra
    if "channels" in extra:  # a place has several inputs: ``places_scores`` knows one
        return None
    if "places" in extra:
        return torch.tensor(extra["places"]), true_domain(extra)
    known = true_symmetry(data)
    if known is None:
        return None
    basis = torch.tensor(known[0])
    if not ((basis == 0) | (basis == 1)).all():
        return None
    return basis.argmax(0), known[1]
