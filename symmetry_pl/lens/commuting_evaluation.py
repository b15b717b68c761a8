"""How near learned commuting generators are to the true ones, and images to the true images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from symmetry_pl.core import DataDescription, Stage, reduction
from symmetry_pl.groups.domain import Domain
from symmetry_pl.lens.domain_evaluation import true_places
from symmetry_pl.lens.evaluation import true_symmetry
from symmetry_pl.lens.lens_evaluation import LensEvaluator
from symmetry_pl.metrics.generator import generator_cosines, lifting_error
from symmetry_pl.metrics.recovery import image_correlation, image_correlation_floor, turned_axes

__all__ = ["CommutingEvaluator"]


class CommutingEvaluator(LensEvaluator):
    """The loss and its terms, ``commutator_norm``, and figures that need the truth.

    ``generator_cosine_least`` is that of the worse axis, ``generator_cosine_inside`` the mean of
    what generators do to positions that stay on the grid; ``image_correlation`` compares the
    representation with the true images, 1 for exact recovery.
    """

    def truth(self, data: DataDescription | None) -> tuple[list[list[float]], Domain] | None:
        """The hidden basis and its grid, of permuted pixels too."""
        places = true_places(data)
        if places is None:
            return true_symmetry(data)
        basis = torch.eye(len(places[0]), dtype=torch.float64)[places[0].argsort()]
        return basis.tolist(), places[1]

    @staticmethod
    def _judged(model: Any) -> dict[str, Tensor]:
        """Whether generators commute: nothing else is known without the truth."""
        g = model.symmetry.subgroup().generators()
        products = torch.einsum("aij,bjk->abik", g, g)
        apart = products - products.transpose(0, 1)
        return {"commutator_norm": apart.norm(dim=(2, 3)).max() / len(g[0]) ** 0.5}

    def _against_truth(self, model: Any, x: Tensor, stage: Stage) -> dict[str, Tensor]:
        truth = self.truth(model.data)
        if truth is None:
            return {}
        basis, domain = torch.tensor(truth[0]).to(x), truth[1]
        images, lift = x @ basis.T, model.symmetry.lift()
        orders = turned_axes(model.domain, domain)
        errors = [float(lifting_error(lift[order], basis, domain)) for order in orders]
        moves = model.generators()
        inside = generator_cosines(moves, *truth, inside=True)
        alike = image_correlation(x @ lift.T, model.domain, images, domain, reduction())
        figures = {
            "generator_cosine_least": min(generator_cosines(moves, *truth)),
            "generator_cosine_inside": sum(inside) / len(inside),
            "image_correlation": alike,
        }
        if errors:
            figures["lifting_error"] = min(errors)
        if stage.thorough:
            figures["image_correlation_floor"] = image_correlation_floor(
                images, domain, reduction()
            )
        return {name: torch.tensor(value) for name, value in figures.items()}
