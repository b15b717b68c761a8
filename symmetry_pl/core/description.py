"""What a model must know of its data, as plain values that survive a checkpoint."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

_MEANS_ELSE = re.compile(r"mae_[xy]|mae_(.+_)?(null95|constant|search|floor)")
"""Names of errors that are not of one target."""


@dataclass(frozen=True)
class DataDescription:
    """Names, units and scales of one dataset.

    A datamodule makes it in ``setup``; a ``SymmetryModule`` reads it when it is attached to a
    trainer, and stores it in its checkpoints, so that ``predict`` needs no training data to name
    and scale what it writes.

    Args:
        kind: ``"vector"`` for real inputs ``(B, d)``, ``"tokens"`` for symbol ids ``(B, L)``,
            ``"image"`` for images ``(B, C, H, W)`` in [−1, 1], ``"cloud"`` for n points of a
            plane or of space, ``(B, n, d)``, NaN where a point is missing.
        x_shape: shape of one input, ``(d,)``, ``(L,)``, ``(C, H, W)`` or ``(n, d)``.
        target_names: one name a target column, as it appears in metric names.
        target_units: unit of each column, e.g. ``"eV"``; empty for dimensionless targets.
        target_mean: subtracted from the physical value before training.
        target_scale: divided out after that; one standardised unit is worth this much.
        symbols: the vocabulary of ``"tokens"`` data, padding first.
        representation: how symbols spell a molecule, e.g. ``"deepsmiles"``.
        extra: what one kind of data says besides, ``split`` for one; data may differ in it.
    """

    kind: str
    x_shape: tuple[int, ...]
    target_names: tuple[str, ...] = ()
    target_units: tuple[str, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_scale: tuple[float, ...] = ()
    symbols: tuple[str, ...] = ()
    representation: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in ("vector", "tokens", "image", "cloud"):
            raise ValueError(
                f"data kind must be 'vector', 'tokens', 'image' or 'cloud', got {self.kind!r}"
            )
        if self.kind == "image" and len(self.x_shape) != 3:
            raise ValueError(f"images must have shape (C, H, W), got {self.x_shape}")
        if self.kind == "cloud" and (len(self.x_shape) != 2 or self.x_shape[1] not in (2, 3)):
            raise ValueError(f"clouds must have shape (n, 2) or (n, 3), got {self.x_shape}")
        columns = len(self.target_names)
        for name in ("target_units", "target_mean", "target_scale"):
            if len(getattr(self, name)) not in (0, columns):
                raise ValueError(
                    f"{name} has {len(getattr(self, name))} entries for {columns} targets"
                )
        errors = self.metric_names() if self.physical else []
        twice = next((name for name in errors if errors.count(name) > 1), None)
        if twice is not None:
            alike = [n for n, e in zip(self.target_names, errors, strict=True) if e == twice]
            raise ValueError(
                f"the errors of the targets {' and '.join(alike)} would have one name, {twice}: "
                "rename a target"
            )

    @property
    def physical(self) -> bool:
        """Whether the targets have units, so that errors are reported per target."""
        return bool(self.target_units)

    @property
    def target_labels(self) -> list[str]:
        """Names with units, as figures show them.

        >>> DataDescription("vector", (2,), ("gap", "qed"), ("eV", "")).target_labels
        ['gap [eV]', 'qed']
        """
        units = self.target_units or ("",) * len(self.target_names)
        return [f"{n} [{u}]" if u else n for n, u in zip(self.target_names, units, strict=True)]

    def same_as(self, other: DataDescription) -> bool:
        """Whether a model of the one may be used on the other: all but rounding is the same."""
        numbers = (*self.target_mean, *self.target_scale)
        others = (*other.target_mean, *other.target_scale)
        return (
            self._without_numbers() == other._without_numbers()
            and len(self.target_mean) == len(other.target_mean)
            and len(numbers) == len(others)
            and all(
                math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
                for a, b in zip(numbers, others, strict=True)
            )
        )

    def difference(self, other: DataDescription) -> str:
        """Where the other differs, in a clause; a vocabulary by its symbols.

        >>> DataDescription("tokens", (4,), symbols=("", "C")).difference(
        ...     DataDescription("tokens", (4,), symbols=("", "C", "S")))
        "with the symbols 'S'"
        """
        new = [s for s in other.symbols if s not in self.symbols]
        old = [s for s in self.symbols if s not in other.symbols]
        if not new and not old:
            return f"{other} instead of {self}"
        shown = ", ".join(map(repr, (new or old)[:5])) + (", …" if len(new or old) > 5 else "")
        return f"{'with' if new else 'without'} the symbols {shown}"

    def other_inputs(self, other: DataDescription) -> str:
        """Where the other names or scales its inputs otherwise, in a clause; empty if nowhere.

        >>> a, b = (DataDescription("vector", (1,), extra={"columns": ["t"], "mean": [m]})
        ...     for m in (0.0, 2.0))
        >>> a.other_inputs(b), a.other_inputs(a)
        ("'t' = 2 ± 1 instead of 0 ± 1", '')
        """
        if self.kind != "vector" or other.kind != "vector" or self.x_shape != other.x_shape:
            return ""
        width = self.x_shape[0]
        names, others = (
            d.extra.get("columns", [f"x{i}" for i in range(width)]) for d in (self, other)
        )
        for i, (name, new) in enumerate(zip(names, others, strict=True)):
            if "columns" in self.extra and "columns" in other.extra and name != new:
                return f"{new!r} instead of {name!r}"
            (m, s), (mean, scale) = self._scale_of(i), other._scale_of(i)
            if abs(m - mean) > 1e-6 * abs(s) or not math.isclose(s, scale, rel_tol=1e-6):
                return f"{new!r} = {mean:.4g} ± {scale:.4g} instead of {m:.4g} ± {s:.4g}"
        return ""

    def _scale_of(self, place: int) -> tuple[float, float]:
        """What is subtracted from an input, and what divides it then."""
        found = [self.extra.get(key, default) for key, default in (("mean", 0.0), ("scale", 1.0))]
        mean, scale = (v[place] if isinstance(v, (list, tuple)) else v for v in found)
        return float(mean), float(scale)

    def _without_numbers(self) -> DataDescription:
        return replace(self, target_mean=(), target_scale=(), extra={})

    def __str__(self) -> str:
        """Kind, shape and scales, for messages."""
        scale = [
            f"{n} = {m:.4g} ± {s:.4g}"
            for n, m, s in zip(self.target_names, self.target_mean, self.target_scale, strict=False)
        ]
        return ", ".join([f"{self.kind} of shape {self.x_shape}", *scale])

    def metric_names(self) -> list[str]:
        """Names ``mae_<property>_<unit>`` of the per-target errors; no unit, no suffix.

        A name that means something else already gets the suffix ``_target``: ``mae_y`` is the
        error of all standardised targets, and endings such as ``_constant`` mark comparisons.

        >>> DataDescription("vector", (2,), ("gap", "qed"), ("eV", "")).metric_names()
        ['mae_gap_ev', 'mae_qed']
        >>> DataDescription("vector", (2,), ("y", "rate_constant"), ("", "")).metric_names()
        ['mae_y_target', 'mae_rate_constant_target']
        """
        units = [
            unit.replace("³", "3").replace("²", "2").replace("/", "_per_").lower()
            for unit in self.target_units
        ]
        names = [
            f"mae_{name}_{unit}" if unit else f"mae_{name}"
            for name, unit in zip(self.target_names, units, strict=True)
        ]
        return [f"{name}_target" if _MEANS_ELSE.fullmatch(name) else name for name in names]

    def to_dict(self) -> dict[str, Any]:
        """Lists, strings and numbers only: loads with ``weights_only=True``."""
        plain = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> DataDescription:
        """Inverse of ``to_dict``; unknown keys of a later version are ignored."""
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in plain.items() if k in known
        }
        return cls(**values)
