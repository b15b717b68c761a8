"""How well a found domain fits a set, what its verdicts rest on, and how near the truth it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import Batch, DataDescription, Evaluator, Stage
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domains.channels import of_inputs
from symmetry_pl.lens.domains.find import FoundDomain
from symmetry_pl.lens.evaluation import true_domain, true_symmetry
from symmetry_pl.metrics.generator import generator_scores
from symmetry_pl.metrics.places import channel_scores, places_scores

_SHOWN = 16  # samples kept for the figures
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
    """``stencil_error`` of a set, the evidence of the fit, and figures that need the truth."""

    def update(self, model: Any, batch: Batch, index: int, stage: Stage) -> None:
        """Add what the stencil leaves open of a batch, and its variance."""
        self.show(_SHOWN, x=batch[0])
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
