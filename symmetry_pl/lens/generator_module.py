"""What every method that learns generators of a hidden symmetry shares."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from torch import Tensor

from symmetry_pl.core import DataDescription, Evaluator, SymmetryModule
from symmetry_pl.core.registry import check_literals
from symmetry_pl.groups.domain import Domain, Topology
from symmetry_pl.lens.evaluation import GeneratorEvaluator

__all__ = ["GeneratorModule"]


class GeneratorModule(SymmetryModule):
    """A method that learns the generators of a hidden symmetry from plain vectors.

    A subclass builds its networks, trains, and answers ``generators``; its evaluator adds
    ``objective`` to the figures that need the truth.

    Args:
        topology: whether the hidden positions are a ``chain`` or a ``ring``.
        kwargs: options of ``SymmetryModule``.

    Raises:
        ValueError: for a name that is none of an option's choices.
    """

    painter: ClassVar[str] = "symmetry_pl.lens.painter:GeneratorPainter"
    headline: ClassVar[tuple[str, ...]] = ("objective", "generator_cosine")
    least_dim: ClassVar[int] = 3
    """Fewest numbers of a sample: two positions have no order."""

    def __init__(self, topology: Topology = "chain", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = 1  # vectors that a sample is made of, which move alike
        check_literals(type(self).__init__, self.hparams, "model")
        self.topology = topology

    @abstractmethod
    def generators(self) -> Tensor:
        """One a dimension of the domain, ``(g, d, d)``: a sample x moves to G x."""

    @property
    def dim(self) -> int:
        """d, the length of a sample."""
        if self.data is None:
            raise ValueError(f"{type(self).__name__} does not know its data yet")
        return self.data.x_shape[0]

    @property
    def block_dim(self) -> int:
        """n, the numbers of a vector that an element acts on."""
        return self.dim // self.blocks

    def algebra(self) -> Tensor | None:
        """Lie algebra generators ``(c, n, n)``, where the method has any."""
        return None

    def sample_algebra(self) -> Tensor | None:
        """The same as matrices that act on a vector of a sample, which the truth is told in."""
        return self.algebra()

    @property
    def domain(self) -> Domain:
        """Where the hidden positions are taken to lie."""
        return Domain.line(self.dim, self.topology)

    @property
    def ring(self) -> bool:
        """Whether the hidden positions close."""
        return self.topology == "ring"

    def learned(self) -> dict[str, Tensor]:
        """The generators."""
        return {"generators": self.generators().detach()}

    def configure_evaluator(self, stage: Literal["val", "test"]) -> Evaluator:
        """Figures that need the truth alone."""
        return GeneratorEvaluator()

    def check_data(self, data: DataDescription) -> None:
        """Refuse what is not a vector of enough numbers."""
        if data.kind != "vector":
            raise ValueError(
                f"the data are {data.kind} of shape {data.x_shape}, and {type(self).__name__} "
                "learns from plain vectors: use SignalsDataModule, MNISTSlicesDataModule or "
                "ArrayDataModule"
            )
        if data.x_shape[0] < self.least_dim:
            why = ": two positions have no order" if self.least_dim == 3 else ""
            raise ValueError(
                f"samples have {data.x_shape[0]} numbers, and a hidden symmetry needs at least "
                f"{self.least_dim}{why}"
            )

    def setup(self, stage: str) -> None:
        """Refuse loaders that do not say what they hold, before anything is computed."""
        source = getattr(self.trainer, "datamodule", None)
        if self.data is None and not hasattr(source, "description"):
            raise ValueError(self._unreadable)
        super().setup(stage)

    @property
    def _unreadable(self) -> str:
        return (
            f"{type(self).__name__} reads its whole training set: use SignalsDataModule, "
            "MNISTSlicesDataModule or ArrayDataModule"
        )

    def training_signals(self, limit: int | None = None, ordered: bool = False) -> Tensor:
        """The training set as it is, or its first samples, ``(n, d)``: the same on all processes.

        Args:
            limit: n; all if null. They are in random order.
            ordered: have them in the order of their source, which says what depends on what.

        Raises:
            ValueError: without a datamodule that holds it.
        """
        source = getattr(self.trainer, "datamodule", None)
        given = getattr(source, "training_inputs", None)
        if given is None:
            raise ValueError(self._unreadable)
        signals: Tensor = given(limit)
        rows = getattr(source.split("train"), "rows", None) if source and ordered else None
        if rows is not None:
            signals = signals[rows[: len(signals)].argsort()]
        return signals.to(self.device, self.dtype)  # type: ignore[arg-type]
