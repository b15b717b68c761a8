"""A recipe's precision, where the processor has it."""

from __future__ import annotations

import torch

__all__ = ["has_fast_bfloat16", "prediction_precision", "usable_precision"]


def has_fast_bfloat16() -> bool:
    """Whether this processor multiplies matrices in bfloat16 at least as fast as in single.

    Without AVX-512 (x86) or its like torch falls back to a loop that takes up to forty times as
    long as single precision.
    """
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return bool(supported is None or supported())


def prediction_precision(precision: str | int | None) -> str | int | None:
    """What to predict in: single precision, where a model was trained in less.

    >>> prediction_precision("bf16-mixed"), prediction_precision("64-true")
    ('32-true', '64-true')
    """
    less = str(precision).startswith(("bf16", "16", "transformer-engine"))
    return "32-true" if less else precision


def usable_precision(precision: str | int | None, accelerator: str) -> str | None:
    """What to train in instead, or None where the precision asked for is right.

    Args:
        precision: the trainer's option.
        accelerator: the trainer's option; ``auto`` takes a GPU where there is one.
    """
    if not str(precision).startswith("bf16") or has_fast_bfloat16():
        return None
    if accelerator == "auto":
        here = torch.cuda.is_available() or torch.backends.mps.is_available()
        accelerator = "gpu" if here else "cpu"
    return "32-true" if accelerator == "cpu" else None
