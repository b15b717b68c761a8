"""Weights of a model of other data: other symbols, other lengths, other targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from symmetry_pl.core.description import DataDescription
from symmetry_pl.rng import global_generators_kept

__all__ = ["Transferred", "transfer"]

_ANOTHER = "another_to_see_what_grows"

_Places = tuple[Tensor, Tensor] | None
"""Indices here and there; None where an axis keeps its places, as far as it reaches in both."""


@dataclass(frozen=True)
class Transferred:
    """What became of a model's parameters.

    Args:
        whole: names of those taken as they are.
        partly: of those taken as far as symbols and positions are in both.
        new: of those that began anew.
    """

    whole: list[str]
    partly: list[str]
    new: list[str]

    def __str__(self) -> str:
        """Counts, and what is new by name."""
        shown = ", ".join(self.new[:6]) + (", …" if len(self.new) > 6 else "")
        return (
            f"{len(self.whole)} parameters taken whole, {len(self.partly)} in part (by symbol and "
            f"position), {len(self.new)} new" + (f" ({shown})" if shown else "")
        )


@torch.no_grad()
def transfer(
    model: nn.Module,
    build: Callable[[DataDescription], nn.Module],
    data: DataDescription,
    weights: Mapping[str, Tensor],
    source: DataDescription,
    where: str,
) -> Transferred:
    """Give a model the weights of one that was trained on other data, as far as they mean the same.

    Of parameters that have a row a symbol, rows go by the symbol; of those with one a position, by
    position from the first; what predicts a target, or is told one, begins anew unless the targets
    are the same. Which axis is of what is seen by building the model with one symbol more, and with
    one target more. Buffers are taken where they have one size.

    Args:
        model: built on ``data``; changed in place.
        build: the same model on other data.
        data: its data.
        weights: ``state_dict`` of the other model.
        source: the other's data.
        where: what holds the weights, for messages.

    Raises:
        ValueError: if a size differs for another reason, or nothing can be taken.
    """
    own = model.state_dict()
    with_symbol = _sizes(build, _with_symbol(data)) if data.symbols else {}
    told: dict[str, torch.Size] = {}
    if source.target_names != data.target_names:
        try:
            told = _sizes(build, _with_target(data))
        except ValueError as error:
            raise ValueError(
                f"{where}: what predicts a target is found by giving this model one target more, "
                f"which its options do not allow ({error})"
            ) from error
    symbols = {symbol: i for i, symbol in enumerate(source.symbols)}
    known = [(i, symbols[s]) for i, s in enumerate(data.symbols) if s in symbols]
    found = Transferred([], [], [])
    parameters = {name for name, _ in model.named_parameters()}
    for name, value in own.items():
        other, grown = weights.get(name), with_symbol.get(name, value.shape)
        if name not in parameters:
            same = value.shape == grown == told.get(name, value.shape)
            if other is not None and same and other.shape == value.shape:
                value.copy_(other)
            continue
        if other is None or told.get(name, value.shape) != value.shape:
            found.new.append(name)
            continue
        axes = [
            _places(n, more - n, data, source, known)
            for n, more in zip(value.shape, grown, strict=True)
        ]
        if not _fits(value.shape, other.shape, axes, data.x_shape == source.x_shape):
            raise ValueError(
                f"{where} fits another model: {name} has the shape {tuple(other.shape)}, and here "
                f"{tuple(value.shape)}; give the model the options it was trained with"
            )
        sizes = list(zip(axes, value.shape, other.shape, strict=True))
        here, there = ([_range(p, i, min(m, n)) for p, m, n in sizes] for i in (0, 1))
        values = other[torch.meshgrid(*there, indexing="ij")].to(value)
        value[torch.meshgrid(*here, indexing="ij")] = values
        whole = all(len(h) == n for h, n in zip(here, value.shape, strict=True))
        (found.whole if whole else found.partly).append(name)
    if not found.whole and not found.partly:
        raise ValueError(f"{where} fits another model: it shares no weight with this one")
    return found


def _fits(here: torch.Size, there: torch.Size, axes: list[_Places], same_length: bool) -> bool:
    """Whether sizes differ for no other reason than symbols and positions."""
    return len(here) == len(there) and all(
        m == n or places is not None or not same_length
        for m, n, places in zip(here, there, axes, strict=True)
    )


def _places(
    size: int,
    growth: int,
    data: DataDescription,
    source: DataDescription,
    known: list[tuple[int, int]],
) -> _Places:
    """Places along an axis that mean the same here and there.

    Args:
        size: of the axis.
        growth: what one symbol more adds to it.
        data: of this model.
        source: of the other.
        known: ids of the symbols that both have, here and there.
    """
    if growth == 0:
        return None
    pairs = torch.tensor(known).reshape(-1, 2)
    if growth == 1 and size == len(data.symbols):
        return pairs[:, 0], pairs[:, 1]
    if growth == data.x_shape[0] and size == growth * len(data.symbols):  # position by symbol
        position = torch.arange(min(growth, source.x_shape[0]))[:, None]
        return (
            (position * len(data.symbols) + pairs[:, 0]).flatten(),
            (position * len(source.symbols) + pairs[:, 1]).flatten(),
        )
    return torch.arange(0), torch.arange(0)


def _range(places: _Places, which: int, size: int) -> Tensor:
    return torch.arange(size) if places is None else places[which]


def _sizes(
    build: Callable[[DataDescription], nn.Module], data: DataDescription
) -> dict[str, torch.Size]:
    """Shapes of a model on other data, drawn without touching the global generator."""
    with global_generators_kept():
        return {name: value.shape for name, value in build(data).state_dict().items()}


def _with_symbol(data: DataDescription) -> DataDescription:
    base = sum(" " not in symbol for symbol in data.symbols)  # fragments come last
    return replace(data, symbols=(*data.symbols[:base], _ANOTHER, *data.symbols[base:]))


def _with_target(data: DataDescription) -> DataDescription:
    return replace(
        data,
        target_names=(*data.target_names, _ANOTHER),
        target_units=(*data.target_units, "") if data.target_units else (),
        target_mean=(*data.target_mean, 0.0) if data.target_mean else (),
        target_scale=(*data.target_scale, 1.0) if data.target_scale else (),
    )
