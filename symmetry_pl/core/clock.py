"""A module with a clock: everything that changes over training is a function of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytorch_lightning import LightningModule

from symmetry_pl.core.phases import Length, Phases, check_lengths, in_batches, leading_epochs


class ClockedModule(LightningModule):
    """Counts batches, and knows the phase of each.

    Args:
        phases: length of each phase but ``rest``, which takes what they leave; a phase that is not
            named has length 0. The method's own (``default_phases``) if null.

    Raises:
        ValueError: for a phase or a length that there is not.
    """

    phase_names: ClassVar[tuple[str, ...]] = ("train",)
    rest: ClassVar[str] = "train"
    default_phases: ClassVar[Mapping[str, Length]] = {}

    def __init__(self, phases: Mapping[str, Length] | None = None) -> None:
        super().__init__()
        self.lengths = dict(self.default_phases if phases is None else phases)
        check_lengths(self.phase_names, self.rest, self.lengths)
        self.batches_seen = 0
        self.started_at = 0
        self.epochs_given = 0
        self._phases: Phases | None = None

    @property
    def clock(self) -> int:
        """Batches since the last start."""
        return self.batches_seen - self.started_at

    @property
    def total_batches(self) -> int:
        """Batches of one whole training, from the trainer's ``max_epochs``."""
        epochs, batches = self.trainer.max_epochs, self.trainer.num_training_batches
        if epochs is None or epochs < 1 or math.isinf(batches):
            raise ValueError(
                "schedules need a finite training: set trainer.max_epochs (and a datamodule or "
                "trainer.limit_train_batches with a finite number of batches)"
            )
        return int(epochs * batches) - self.started_at

    @property
    def progress(self) -> float:
        """Fraction of training behind us, in [0, 1]."""
        return min(1.0, self.clock / self.total_batches)

    @property
    def phases(self) -> Phases:
        """When each phase begins and ends."""
        total, per_epoch = self.total_batches, self.trainer.num_training_batches
        known = self._phases
        if known is None or (known.total, known.per_epoch) != (total, per_epoch):
            known = Phases(self.phase_names, self.rest, self.lengths, total, per_epoch)
            self._phases = known
        return known

    @property
    def phase(self) -> str:
        """Name of the current phase, a pure function of the clock."""
        return self.phases.at(self.clock)[0]

    def through(self, length: Length, option: str, *phases: str) -> float:
        """Progress through the first ``length`` of phases, or of training, in [0, 1].

        Args:
            length: which; 1 is returned where it is 0.
            option: its name, for messages.
            phases: in a row; all if none is named.
        """
        begin, end = self.phases.span(*phases)
        batches = in_batches(length, option, end - begin, self.phases.per_epoch)
        return min(1.0, max(0.0, (self.clock - begin) / batches)) if batches else 1.0

    def leading_epochs(self, names: Sequence[str], option: str) -> int:
        """Whole epochs that the first phases last; what data that follow phases ask."""
        epochs = (self.trainer.max_epochs or 0) - self.epochs_given
        return leading_epochs(self.phase_names, self.rest, self.lengths, names, epochs, option)

    def give_epochs(self, epochs: int) -> None:
        """Prolong the training, for what a bad start has cost."""
        loop = self.trainer.fit_loop
        assert loop.max_epochs is not None
        loop.max_epochs += epochs
        self.epochs_given += epochs

    def on_train_start(self) -> None:
        """Refuse lengths of phases that do not fit, before the first batch."""
        assert self.phases

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count the batch."""
        self.batches_seen += 1
