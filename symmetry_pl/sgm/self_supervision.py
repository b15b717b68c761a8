"""The self-supervised loss of SGM: copies of one image, or cloud, must have one prototype."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from symmetry_pl.groups import Group
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
    group: Group,
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
        x: images ``(B, C, H, W)``, or clouds ``(B, n, d)``.
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
    mse = squared_error(group.apply(carried, repeated), repeated)
    if not invertibility:
        return SelfSupervision(mse, mse.new_zeros(()), f1)
    there = group.apply(f1, x1)
    back = group.apply(group.inverse(f1), there)
    return SelfSupervision(mse, squared_error(back, x1), f1)


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """The mean squared error; missing points of clouds, NaN in both, count in neither.

    >>> import torch
    >>> gone = torch.tensor([[torch.nan, torch.nan], [1.0, 2.0]])
    >>> squared_error(gone + 1, gone).item()
    1.0
    """
    if target.ndim == 4:  # images have no missing pixels
        return F.mse_loss(x, target)
    there = ~target.isnan()
    return F.mse_loss(x[there], target[there])
