r"""Checks for groups of your own, and for networks that should be equivariant or invariant.

Each draws random elements within the group's bounds, raises AssertionError naming the worst case,
and returns the errors it measured, so that a test can also record them. Equivariance is meant as
in SGM: f gives the element that takes the prototype to the image, so that

.. math:: f(g \cdot x) = \mathrm{compose}(f(x), g)

and a function is invariant if h(g · x) = h(x), as prototypes are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from symmetry_pl.groups import CloudGroup, Group, ImageGroup

__all__ = ["assert_equivariant", "assert_group", "assert_invariant"]


class _Law(NamedTuple):
    name: str
    errors: Tensor  # (count,)
    allowed: float


def assert_group(
    group: Group,
    image: Tensor | None = None,
    *,
    count: int = 16,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    tolerance: float | None = None,
    image_tolerance: float = 0.05,
    image_fraction: float = 0.5,
) -> dict[str, float]:
    r"""Check the laws of a group of transformations of images or clouds on random elements.

    On elements, exactly: identity, inverse, associativity, and that the chart and its inverse undo
    each other (up to the periods of the coordinates). On images, up to interpolation: the identity
    changes nothing, an element and its inverse cancel, and a composed element acts as its parts
    one after the other; errors are root mean squares over pixels, relative to the image above its
    background of −1. On clouds of points the same laws are exact.

    Args:
        group: what to check.
        image: ``(C, H, W)`` in [−1, 1], its content well inside the frame; three soft blobs if
            None. A cloud ``(n, d)``; five points if None.
        count: how many elements are drawn.
        dtype: of the elements and the image.
        seed: of the draws.
        tolerance: largest error of elements and coordinates; 3e-10 in float64, 1e-3 in float32
            if None.
        image_tolerance: largest relative error of images, what interpolation may cost.
        image_fraction: part of the bounds within which elements are drawn for the laws on images,
            so that nothing leaves the frame or is clipped.

    Returns:
        The worst error of each law.

    Raises:
        AssertionError: if a law is violated, with the law, its worst error and where that is.

    >>> from symmetry_pl.groups import AffineGroup
    >>> errors = assert_group(AffineGroup([0.25, 0.25, 0.8, 0.25, 0.25]))
    >>> errors["an element after its inverse is the identity"] < 1e-12
    True
    """
    allowed = tolerance if tolerance is not None else (3e-10 if dtype == torch.float64 else 1e-3)
    shown = _shown(group, dtype) if image is None else image.to(dtype)
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(3, count, group.dim, generator=generator, dtype=dtype)
    with torch.no_grad():
        laws = _element_laws(group, group.from_uniform(u), allowed)
        inner = group.from_uniform(_towards_centre(u, image_fraction))
        lossless = isinstance(group, CloudGroup)
        laws += _action_laws(group, inner, shown, allowed, allowed if lossless else image_tolerance)
    return _judge(type(group).__name__, laws)


def assert_equivariant(
    f: Callable[[Tensor], Tensor],
    group: Group,
    x: Tensor,
    *,
    tolerance: float,
    draws: int = 4,
    fraction: float = 1.0,
    seed: int = 0,
) -> dict[str, float]:
    """Check that f(g · x) = compose(f(x), g) for random g.

    Args:
        f: images ``(B, C, H, W)`` to elements ``(B, *element_shape)``; put networks in eval mode.
        group: whose elements f gives.
        x: images ``(B, C, H, W)``.
        tolerance: largest error, as ``group.distance`` measures it. Interpolation and content that
            leaves the frame count as errors.
        draws: how many elements each image is moved by.
        fraction: part of the bounds within which elements are drawn.
        seed: of the draws.

    Returns:
        The worst error, under ``"f(g x) = f(x) g"``.

    Raises:
        AssertionError: with the worst error and where that is.
    """
    elements = _draw(group, x, draws, fraction, seed)
    with torch.no_grad():
        start = f(x)
        errors = [group.distance(f(group.apply(g, x)), group.compose(start, g)) for g in elements]
    law = _Law("f(g x) = f(x) g", torch.stack(errors), tolerance)
    return _judge("the function is not equivariant", [law])


def assert_invariant(
    f: Callable[[Tensor], Tensor],
    group: Group,
    x: Tensor,
    *,
    tolerance: float,
    draws: int = 4,
    fraction: float = 1.0,
    seed: int = 0,
) -> dict[str, float]:
    """Check that f(g · x) = f(x) for random g.

    Args:
        f: images ``(B, C, H, W)`` to ``(B, …)``: prototypes, features; put networks in eval mode.
        group: what f should not see.
        x: images ``(B, C, H, W)``.
        tolerance: largest root mean square over the entries of f of one image. Interpolation and
            content that leaves the frame count as errors.
        draws: how many elements each image is moved by.
        fraction: part of the bounds within which elements are drawn.
        seed: of the draws.

    Returns:
        The worst error, under ``"f(g x) = f(x)"``.

    Raises:
        AssertionError: with the worst error and where that is.
    """
    elements = _draw(group, x, draws, fraction, seed)
    with torch.no_grad():
        start = f(x)
        errors = [_rms(f(group.apply(g, x)) - start) for g in elements]
    law = _Law("f(g x) = f(x)", torch.stack(errors), tolerance)
    return _judge("the function is not invariant", [law])


def _element_laws(group: Group, eta: Tensor, allowed: float) -> list[_Law]:
    """The exact laws on elements at η, ``(3, count, d)``."""
    a, b, c = elements = group.element(eta)
    count = len(a)
    if elements.shape[2:] != group.element_shape:
        raise AssertionError(
            f"{type(group).__name__}: elements have the shape {tuple(elements.shape[2:])}, "
            f"element_shape says {group.element_shape}"
        )
    one = group.identity(count, dtype=eta.dtype)
    chart = group.coordinates(elements)
    around = chart - eta
    for i, period in enumerate(group.periods):
        if period is not None:
            around[..., i] -= period * (around[..., i] / period).round()
    pairs = {
        "the identity before an element": (group.compose(one, a), a),
        "the identity after an element": (group.compose(a, one), a),
        "an element before its inverse is the identity": (group.compose(a, group.inverse(a)), one),
        "an element after its inverse is the identity": (group.compose(group.inverse(a), a), one),
        "associativity": (
            group.compose(group.compose(a, b), c),
            group.compose(a, group.compose(b, c)),
        ),
        "the inverse of a composition is that of its parts in reverse": (
            group.inverse(group.compose(a, b)),
            group.compose(group.inverse(b), group.inverse(a)),
        ),
        "element(coordinates(g)) = g": (group.element(chart), elements),
    }
    laws = [_Law(name, group.distance(*pair), allowed) for name, pair in pairs.items()]
    return [*laws, _Law("coordinates(element(η)) = η", around.abs().amax(-1), allowed)]


def _action_laws(
    group: Group, eta: Tensor, image: Tensor, exact: float, allowed: float
) -> list[_Law]:
    """The laws of the action at η, ``(3, count, d)``, on one image ``(C, H, W)`` or cloud."""
    a, b = group.element(eta[:2])
    x = image.expand(len(a), *image.shape)
    what, background = ("images", -1) if isinstance(group, ImageGroup) else ("clouds", 0)
    size = _rms(x - background)
    moved = group.apply(a, x)
    if moved.shape != x.shape:
        raise AssertionError(
            f"{type(group).__name__}: apply gave {tuple(moved.shape)} for {tuple(x.shape)}"
        )
    together = group.apply(group.compose(a, b), x)
    still = group.apply(group.identity(len(a), dtype=x.dtype), x)
    back = group.apply(group.inverse(a), moved)
    return [
        _Law(f"the identity leaves {what} as they are", _rms(still - x) / size, exact),
        _Law(f"an element and its inverse cancel on {what}", _rms(back - x) / size, allowed),
        _Law(
            "a composed element acts as its parts in turn",
            _rms(together - group.apply(b, moved)) / size,
            allowed,
        ),
    ]


def _shown(group: Group, dtype: torch.dtype) -> Tensor:
    """Blobs for a group of images, five points for one of clouds."""
    if isinstance(group, CloudGroup):
        places = torch.arange(5 * group.points, dtype=dtype).view(5, group.points)
        return torch.sin(1 + places**2)
    if not isinstance(group, ImageGroup):
        raise ValueError(f"{type(group).__name__} acts on neither images nor clouds: give a sample")
    return _blobs(group, dtype)


def _blobs(group: ImageGroup, dtype: torch.dtype) -> Tensor:
    """Three soft, pale blobs on black, ``(C, 64, 64)``, in as many channels as the group takes."""
    axis = torch.linspace(-1, 1, 64, dtype=dtype)
    x, y = axis, axis[:, None]
    places = [(-0.2, -0.1), (0.2, -0.15), (0.05, 0.25)]
    blobs = [torch.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.03) for a, b in places]
    tints = torch.tensor([[1, 0.94, 0.97], [0.95, 1, 0.93], [0.96, 0.94, 1]], dtype=dtype)
    colored = 0.4 * torch.einsum("bhw,bc->chw", torch.stack(blobs), tints)
    for image in (colored[:1], colored):
        try:
            group.check_images((len(image), 64, 64))
        except ValueError:
            continue
        return 2 * image - 1
    raise ValueError(f"{type(group).__name__} takes neither 1 nor 3 channels: give an image")


def _draw(group: Group, x: Tensor, draws: int, fraction: float, seed: int) -> Tensor:
    """Elements for every image, ``(draws, B, *element_shape)``."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(draws, len(x), group.dim, generator=generator, dtype=torch.float64)
    return group.element(group.from_uniform(_towards_centre(u.to(x), fraction)))


def _towards_centre(u: Tensor, fraction: float) -> Tensor:
    """Uniform numbers on [0, 1], drawn together around a half."""
    return 0.5 + fraction * (u - 0.5)


def _rms(x: Tensor) -> Tensor:
    """Root mean square of each row, ``(B, …)`` to ``(B,)``."""
    return x.flatten(1).square().mean(1).sqrt()


def _judge(who: str, laws: list[_Law]) -> dict[str, float]:
    """Return the worst error of each law, or raise AssertionError naming those too large."""
    worst = {law.name: law.errors.max().item() for law in laws}
    broken = [
        f"{law.name}: {worst[law.name]:.3g} at {_place(law.errors)}, allowed {law.allowed:.3g}"
        for law in laws
        if not bool((law.errors <= law.allowed).all())
    ]
    if broken:
        raise AssertionError(f"{who}: " + "; ".join(broken))
    return worst


def _place(errors: Tensor) -> str:
    """Where the worst error is: which draw, of which image if there are several."""
    at = torch.unravel_index(errors.argmax(), errors.shape)
    names = ("draw",) if errors.ndim == 1 else ("draw", "image")
    return ", ".join(f"{name} {int(i)}" for name, i in zip(names, at, strict=True))
