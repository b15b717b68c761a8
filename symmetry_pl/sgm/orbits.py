"""How much prototypes of transformed copies differ: what SGM's inference is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from symmetry_pl.groups import CloudGroup, Group, ImageGroup, build_group
from symmetry_pl.sgm.inference import InferenceNetwork


@dataclass(frozen=True)
class Copies:
    """Transformed copies of images and what the inference makes of them, each ``(K, B, …)``.

    Attributes:
        copies: T_g x.
        composed: prototypes of the copies, each by one warp of the original: what is judged is f
            alone, and not what a copy has lost.
        direct: the same, made of the pixels that a copy has.
        floor: copies brought back by the true element: what interpolation, the frame and clipping
            cost.
        inferred: f of the copies, elements ``(K · B, …)``, copy by copy.
    """

    copies: Tensor
    composed: Tensor
    direct: Tensor
    floor: Tensor
    inferred: Tensor


def copies_of(group: Group, infer: InferenceNetwork, x: Tensor, elements: Tensor) -> Copies:
    """Prototypes of K copies of every image.

    Args:
        group: of transformations.
        infer: f, which sees the pixels of the copies only.
        x: images ``(B, C, H, W)``, or clouds ``(B, n, d)``.
        elements: g, ``(K · B, …)``, copy by copy.
    """
    count = len(elements) // len(x)
    repeated = x.repeat(count, *[1] * (x.ndim - 1))
    copies = group.apply(elements, repeated)
    inferred = infer(copies)
    back = group.inverse(inferred)
    images: tuple[Tensor, ...] = (
        copies,
        group.apply(group.compose(elements, back), repeated),
        group.apply(back, copies),
        group.apply(group.inverse(elements), copies),
    )
    if isinstance(group, CloudGroup):  # missing points differ in nothing
        images = tuple(cloud.nan_to_num(0.0) for cloud in images)
    copied, composed, direct, floor = (image.view(count, *x.shape) for image in images)
    return Copies(copied, composed, direct, floor, inferred)


def carried(group: Group, elements: Tensor, copies: Tensor, by: int = 0) -> Tensor:
    """Each of K copies carried onto the next one, the last onto the first: ``(K, B, …)``.

    Args:
        group: of transformations.
        elements: from something that all copies share to each copy, ``(K · B, …)``, copy by copy.
        copies: ``(K, B, C, H, W)``.
        by: 0 for their own elements; 1 for those of the next pair of copies, and so on.
    """
    change = group.compose(group.inverse(elements), elements.roll(-copies.shape[1], 0))
    change = change.roll(-by * copies.shape[1], 0)
    return group.apply(change, copies.flatten(0, 1)).view(copies.shape)


def orbit_groups(
    name: str,
    options: dict[str, Any],
    bounds: Sequence[float] | None = None,
    wide: Sequence[float] | None = None,
) -> dict[str, ImageGroup]:
    """Groups that draw the copies of a test: all transformations, and each kind alone.

    Affine copies are drawn in the paper's exponential coordinates, whatever chart the model uses,
    so that figures of different models compare; from bounds of the affine group itself, five
    numbers or six, whichever the model has. A group of shifts and turns keeps its own chart.

    Args:
        name: of the group.
        options: of the group.
        bounds: half widths to draw from; the group's own if None.
        wide: further half widths, of all transformations together; None for none.

    Returns:
        ``""`` for all of them, ``"five"`` without shear where there is one, ``"shift"``,
        ``"rotation"``, ``"scale"``, ``"hue"``, … alone, and ``"wide"``.

    Raises:
        ValueError: for bounds that the group does not take.

    >>> list(orbit_groups("affine", {"bounds": [0.25, 0.25, 3.14, 0.25, 0.25, 0.25]}))
    ['', 'five', 'shift', 'rotation', 'scale', 'shear']
    """
    if name in ("affine", "affine_color") and options.get("chart") != "rigid":
        options = {**options, "chart": "exponential"}
    group = build_group(name, **options)

    def drawing(half: Sequence[float]) -> ImageGroup:
        if name == "affine":
            return build_group(name, **{**options, "bounds": list(half)})
        return group.within(half)

    whole = group if bounds is None else drawing(bounds)
    kinds = [n.split("-")[-1].replace(" ", "_") for n in whole.names]

    def only(wanted: set[str]) -> ImageGroup:
        return whole.within(
            [b if k in wanted else 0.0 for b, k in zip(whole.bounds, kinds, strict=True)]
        )

    drawn = [k for k, b in zip(kinds, whole.bounds, strict=True) if b > 0]
    found = {"": whole}
    if "shear" in drawn and len(set(drawn)) > 1:
        found["five"] = only(set(kinds) - {"shear"})
    if len(set(drawn)) > 1:
        found |= {kind: only({kind}) for kind in dict.fromkeys(drawn)}
    if wide is not None:
        found["wide"] = drawing(wide)
    return found


def iterated(
    group: Group, infer: InferenceNetwork, x: Tensor, iterations: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Elements of x, of its prototype, of the prototype's prototype, …, and these prototypes.

    Each prototype is one warp of x by the composed elements. With a perfect f, all elements but
    the first are the identity (Fig. 11).
    """
    elements: list[Tensor] = []
    prototypes: list[Tensor] = []
    back = group.identity(len(x), dtype=x.dtype, device=x.device)
    for _ in range(iterations):
        elements.append(infer(prototypes[-1] if prototypes else x))
        back = group.compose(back, group.inverse(elements[-1]).to(back))
        prototypes.append(group.apply(back, x))
    return elements, prototypes
