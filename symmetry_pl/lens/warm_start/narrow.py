"""The chain of a narrow waveform: its independent components are the hidden positions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.lens.ordering import improve_order
from symmetry_pl.lens.warm_start.ica import Contrast, fast_ica
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.seriation import (
    align_signs,
    likeness,
    spectral_order,
)
from symmetry_pl.lens.warm_start.symbol import fit_symbol, stationarity_kl
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["Ordered", "component_chain", "ordered_components"]

_HOPELESS = 0.15  # nats a position after one run


class Ordered(NamedTuple):
    """A chain of independent components.

    Args:
        kl: Gaussian KL from stationary, in nats.
        basis: Q, ``(d, d)``.
    """

    kl: float
    basis: Tensor


def ordered_components(
    data: Whitened, lattice: Lattice, generator: torch.Generator, start: Tensor | None = None
) -> Ordered:
    """The chain of independent components that is nearest to stationary, of two contrasts.

    Args:
        data: the data.
        lattice: chain or ring.
        generator: of the random start.
        start: a rotation ``(d, d)`` to start ICA from instead.
    """
    contrasts: tuple[Contrast, ...] = ("tanh", "cube")
    found: list[Ordered] = []
    for contrast in contrasts:
        rotation = fast_ica(data.z, contrast=contrast, generator=generator, start=start)
        basis = component_chain(data, rotation, lattice)
        covariance = basis @ data.covariance @ basis.T
        kl = float(stationarity_kl(covariance, lattice, fit_symbol(covariance, lattice)))
        found.append(Ordered(kl, basis))
        if kl <= 2 * data.sampling_level() or kl > _HOPELESS * data.dim:
            break
    return min(found, key=lambda one: one.kl)


def component_chain(data: Whitened, rotation: Tensor, lattice: Lattice) -> Tensor:
    """The rows of an ICA rotation in the order and with the signs of a stationary chain.

    Args:
        data: the data.
        rotation: R of ``fast_ica``, ``(d, d)``.
        lattice: chain or ring.
    """
    similarity = likeness(data, rotation)[0]
    first = spectral_order(similarity, lattice).numpy()
    order = improve_order(similarity.numpy(), first, closed=lattice.topology == "ring")
    basis = rotation[torch.from_numpy(order.copy())]
    return basis * align_signs(basis @ data.covariance @ basis.T, lattice)[:, None]
