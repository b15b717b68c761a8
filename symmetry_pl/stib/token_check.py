"""Whether molecules have the length and vocabulary that a model was built for."""

from __future__ import annotations

from typing import Protocol

from symmetry_pl.core import DataDescription

__all__ = ["check_tokens"]


class _Tokens(Protocol):
    length: int
    symbols: int


def check_tokens(data: DataDescription, built: _Tokens, options: str) -> None:
    """Refuse sequences of another length or vocabulary, and say what to do.

    Args:
        data: token sequences.
        built: a network for some.
        options: what stands before ``length`` and ``symbols`` among the model's options.

    Raises:
        ValueError: in one sentence for a new model and for a checkpoint.
    """
    found = {"length": data.x_shape[0], "symbols": len(data.symbols)}
    what = {"length": "positions a molecule", "symbols": "symbols"}
    remedy = {
        "length": f"needs data.max_length {built.length}",
        "symbols": "reads molecules of the symbols it was trained on only",
    }
    for option, value in found.items():
        own = getattr(built, option)
        if own != value:
            raise ValueError(
                f"the data have {value} {what[option]}, the model was built for {own}: a new model "
                f"needs model.init_args.{options}{option} {value}, and a checkpoint "
                f"{remedy[option]}; to predict molecules of another file, see "
                "PredictionCSVDataModule"
            )
