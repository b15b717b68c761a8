"""The chain of a narrow waveform: its independent components are the hidden positions."""

from __future__ import annotations

import torch
from torch import Tensor

from symmetry_pl.lens.ordering import improve_order
from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.seriation import (
    align_signs,
    energy_correlation,
    spectral_order,
)
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["component_chain"]


def component_chain(data: Whitened, rotation: Tensor, lattice: Lattice) -> Tensor:
    """The rows of an ICA rotation in the order and with the signs of a stationary chain.

    Args:
        data: the data.
        rotation: R of ``fast_ica``, ``(d, d)``.
        lattice: chain or ring.
    """
    similarity = energy_correlation(data.z @ rotation.to(data.z.dtype).T)
    first = spectral_order(similarity, lattice).numpy()
    order = improve_order(similarity.numpy(), first, closed=lattice.topology == "ring")
    basis = rotation[torch.from_numpy(order.copy())]
    return basis * align_signs(basis @ data.covariance @ basis.T, lattice)[:, None]
