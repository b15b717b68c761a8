"""How images become vectors whose grid is hidden: another order, a rotation, any mixing."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from symmetry_pl.core.counter import counter_uniform
from symmetry_pl.datamodules.options import check_at_least, check_choice
from symmetry_pl.datamodules.vectors.waveforms import any_matrix, hidden_basis

__all__ = ["Scramble", "ScrambleKind"]

Array = npt.NDArray[np.float64]
ScrambleKind = Literal["none", "permutation", "orthogonal", "linear"]
_STREAM = 1 << 35
_LARGEST = 1024  # a matrix of more entries is no part of a checkpoint


class Scramble:
    r"""One secret map of all images of a data set.

    .. math:: x = s M, \quad M = 1,\ P,\ Q \ \text{or}\ U\,\mathrm{diag}(\sigma)\,V^\top

    with P a permutation, Q, U and V of the uniform law on orthogonal matrices, and singular values
    that fall geometrically from √κ to 1/√κ.

    Args:
        kind: ``none``, ``permutation``, ``orthogonal`` or ``linear``.
        dim: d.
        seed: which one.
        condition: κ of ``linear``, at least 1.

    Raises:
        ValueError: for another kind, a condition below 1, or mixtures of more than 1,024 pixels.

    >>> Scramble("permutation", 4, 0)(np.array([[0.0, 1.0, 2.0, 3.0]])).tolist()
    [[0.0, 3.0, 1.0, 2.0]]
    """

    def __init__(self, kind: str, dim: int, seed: int, condition: float = 2.0) -> None:
        check_choice("scramble", kind, ("none", "permutation", "orthogonal", "linear"))
        check_at_least(1, condition=condition)
        if kind in ("orthogonal", "linear") and dim > _LARGEST:
            raise ValueError(
                f"data.scramble {kind} mixes at most {_LARGEST} pixels, and these images have {dim}"
            )
        self.kind = kind
        self.order = np.arange(dim)
        self.mixing: Array | None = None
        if kind == "permutation":
            self.order = np.argsort(counter_uniform(seed, _STREAM, [0], dim)[0])
        elif kind == "orthogonal":
            self.mixing = hidden_basis("random_orthogonal", dim, seed)
        elif kind == "linear":
            self.mixing = any_matrix(dim, seed, condition)

    def __call__(self, images: Array) -> Array:
        """Vectors ``(B, d)`` of flattened images ``(B, d)``."""
        return images[:, self.order] if self.mixing is None else images @ self.mixing

    @property
    def truth(self) -> dict[str, Any]:
        """What undoes it, for scoring only: ``places``, or ``mixing``, row k of which is pixel k.

        An orthogonal one is an ``ideal_basis``.
        """
        if self.mixing is None:
            return {"places": self.order.tolist()}
        return {"ideal_basis" if self.kind == "orthogonal" else "mixing": self.mixing.tolist()}
