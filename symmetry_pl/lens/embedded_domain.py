"""Rivals of LensDomain: the same data, figures and verdicts, other ways to the places."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from symmetry_pl.core.registry import check_choice
from symmetry_pl.lens.domains.embedded import EMBEDDINGS, embedded_layout, need_umap
from symmetry_pl.lens.domains.find import FoundDomain, find_domain
from symmetry_pl.lens.domains.moments import Moments
from symmetry_pl.lens.domains.topographic import topographic_layout
from symmetry_pl.lens.lens_domain import LensDomain

__all__ = ["EmbeddedDomain"]


class EmbeddedDomain(LensDomain):
    """Pixels on a grid of known shape, by embeddings of their correlations or by assignment.

    One player, ``stencil``, as of ``LensDomain``. What it is told, and LensDomain is not, is the
    shape of the grid.

    Args:
        height: rows of the grid.
        width: columns.
        method: ``scaling`` (classical multidimensional scaling of √(2 − 2C)), ``isomap`` and
            ``umap`` (extra ``rivals``) of the same distances, ``spectral`` (Laplacian eigenmaps of
            partial correlations); these lay points on the grid by linear assignment.
            ``quadratic``: partial correlations matched with neighbouring cells by fast approximate
            quadratic assignment; ``lasso``: those of a graphical lasso, for small grids.
            ``topographic``: independent components that are sparse together with their neighbours
            on the grid, and pixels by an assignment to these.
        radius: of the stencil, in cells.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for an option that makes no model, or more inputs than cells.
    """

    def __init__(
        self,
        height: int,
        width: int,
        method: Literal[
            "scaling", "isomap", "umap", "spectral", "quadratic", "lasso", "topographic"
        ] = "isomap",
        radius: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(radius, "permutation", **kwargs)
        check_choice("model.method", method, (*EMBEDDINGS, "topographic"))
        if min(height, width) < 2:
            raise ValueError(
                f"model.height and model.width must be at least 2, got {height} and {width}"
            )
        if self.channels > 1:
            raise ValueError("an EmbeddedDomain has one input to a place: leave out model.channels")
        self.method, self.shape = method, (height, width)

    def on_fit_start(self) -> None:
        """See that what searches is there, and search."""
        if self.method == "umap":
            need_umap()
        super().on_fit_start()

    def _search(self, x: Tensor) -> FoundDomain:
        if self.method == "topographic":
            live = x[:, Moments(x).live]
            number = torch.arange(len(x)) % 4
            # find_domain searches all samples, the first two quarters and the others, in this order
            parts = iter((live, live[number < 2], live[number > 1]))
            return find_domain(x, lambda *_: topographic_layout(next(parts), self.shape))
        return find_domain(x, lambda all_, _: embedded_layout(all_, self.method, self.shape))
