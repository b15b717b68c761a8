"""The chain of a narrow waveform: its independent components are the hidden positions."""

from __future__ import annotations

from torch import Tensor

from symmetry_pl.lens.warm_start.lattice import Lattice
from symmetry_pl.lens.warm_start.seriation import (
    align_signs,
    energy_correlation,
    shorten,
    spectral_order,
)
from symmetry_pl.lens.warm_start.whitening import Whitened

__all__ = ["component_chain"]


def component_chain(data: Whitened, rotation: Tensor, lattice: Lattice) -> Tensor:
    """Return the rows of an ICA rotation in the order and with the signs of a stationary chain.

    Args:
        data: The data.
        rotation: R of `fast_ica`, `(d, d)`.
        lattice: Chain or ring.
    """
    similarity = energy_correlation(data.z @ rotation.to(data.z.dtype).T)
    order = shorten(spectral_order(similarity, lattice), similarity, lattice)
    basis = rotation[order]
    return basis * align_signs(basis @ data.covariance @ basis.T, lattice)[:, None]
