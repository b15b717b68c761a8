"""The self-supervised loss of SGM: copies of one image must have one prototype."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from symmetry_pl.groups import ImageGroup
from symmetry_pl.sgm.inference import InferenceNetwork


@dataclass(frozen=True)
class SelfSupervision:
    """Parts of the loss, each a mean over images, pixels and channels, and what f said.

    Attributes:
        mse: between an image and itself carried over by way of the common prototype.
        invertibility: between a copy and itself after T and T⁻¹ of its inferred element; 0 where
            it was not asked for.
        inferred: f(x1), elements ``(B · S, …)``.
    """

    mse: Tensor
    invertibility: Tensor
    inferred: Tensor


def self_supervision(
    group: ImageGroup,
    infer: InferenceNetwork,
    x: Tensor,
    first: Tensor,
    second: Tensor | None = None,
    perturbations: tuple[Tensor, Tensor] | None = None,
    invertibility: bool = False,
) -> SelfSupervision:
    r"""Compare x with x carried over: r1, then f(x1)⁻¹, then f(x2), then r2⁻¹ (eqs. 6, 7 and 24).

    .. math:: \mathrm{mse}\bigl(x,\; T_{r_2}^{-1} T_{f(x_2)} T_{f(x_1)}^{-1} T_{r_1} x\bigr),
        \qquad x_i = T_{r_i} x

    The four elements are composed before the image is warped, once: the paper's text warps copies
    again, which blurs what is compared. Where copies have one prototype, the composition leaves
    the image as it is, whatever the prototype.

    Args:
        group: of transformations.
        infer: f.
        x: images ``(B, C, H, W)``.
        first: elements r1 ``(B · S, …)``, S random copies an image, those of an image side by side.
        second: elements r2, ``(B · S, …)`` too; None compares with x as it is (asymmetric loss).
        perturbations: noise on the coordinates of f(x1), ``(B · S, dim)``, and of f(x2), which is
            ``(B, dim)`` where ``second`` is None.
        invertibility: whether to compute that part, which costs two warps a copy.
    """
    copies = len(first) // len(x)
    noise = perturbations or (None, None)
    repeated = x.repeat_interleave(copies, 0)
    x1 = group.apply(first, repeated)
    f1 = infer(x1, noise[0])
    if second is None:
        f2 = infer(x, noise[1]).repeat_interleave(copies, 0)
        carried = group.compose(group.compose(first, group.inverse(f1)), f2)
    else:
        f2 = infer(group.apply(second, repeated), noise[1])
        carried = group.compose(group.compose(first, group.inverse(f1)), f2)
        carried = group.compose(carried, group.inverse(second))
    mse = F.mse_loss(group.apply(carried, repeated), repeated)
    if not invertibility:
        return SelfSupervision(mse, mse.new_zeros(()), f1)
    there = group.apply(f1, x1)
    back = group.apply(group.inverse(f1), there)
    return SelfSupervision(mse, F.mse_loss(back, x1), f1)
