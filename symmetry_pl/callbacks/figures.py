"""When a run's figures are drawn, and where they go; what they show is up to the family."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn

from symmetry_pl.callbacks.board import logger_of, write_headline, write_layout
from symmetry_pl.core import SymmetryModule
from symmetry_pl.core.files import atomic_write
from symmetry_pl.core.painter import Curves, painter_of


class Figures(Callback):
    """Draw what a method has learned.

    Figures are made on process 0 from the last evaluation: in a fit after every ``every``
    validations and at its end, and in every test. With any logger, or none, the newest of each is
    ``figures/<stage>/<name>.png`` in the run's folder; on TensorBoard, where that is a logger, they
    stand at the x-axis of the batch counter, with charts and headline figures by the catalogue.

    Args:
        run_dir: the run's folder; None writes no files.
        every: validations between two sets of figures; None draws eight sets a fit.
    """

    def __init__(self, run_dir: Path | None = None, every: int | None = None) -> None:
        self.run_dir = run_dir
        self.every = every
        self._validations = 0
        self._curves: Curves = {}
        self._charted: set[str] = set()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """Remember what is drawn over time, at the batches that are logged."""
        if isinstance(pl_module, SymmetryModule) and pl_module.log_now:
            self._remember(trainer, pl_module, "train")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw where a set is due."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if not isinstance(pl_module, SymmetryModule) or not fitting:
            return
        self._remember(trainer, pl_module, "val")
        self._chart(trainer)
        self._validations += 1
        epochs = (trainer.max_epochs or 1) / (trainer.check_val_every_n_epoch or 1)
        every = self.every or max(1, round(epochs / 8))
        if self._validations % every == 0 or trainer.current_epoch + 1 == trainer.max_epochs:
            self._draw(trainer, pl_module, "val")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the headline figures beside the options."""
        self._headline(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the test set, and put its headline figures beside the options."""
        if isinstance(pl_module, SymmetryModule):
            self._draw(trainer, pl_module, "test")
        self._headline(trainer, pl_module, "test")

    def _headline(
        self, trainer: Trainer, module: LightningModule, stage: Literal["val", "test"]
    ) -> None:
        logger = logger_of(trainer)
        if trainer.is_global_zero and logger is not None:
            names: tuple[str, ...] = getattr(module, "headline", ())
            step = module.batches_seen if isinstance(module, SymmetryModule) else 0
            write_headline(logger, trainer.callback_metrics, names, stage, step)

    def _remember(self, trainer: Trainer, module: SymmetryModule, stage: str) -> None:
        painter = painter_of(module)
        for name in painter.curves.get(stage, ()) if painter else ():
            value = trainer.callback_metrics.get(f"{stage}/{name}")
            if value is not None:
                batches, values = self._curves.setdefault(f"{stage}/{name}", ([], []))
                batches.append(module.batches_seen)
                values.append(float(value))

    def _chart(self, trainer: Trainer) -> None:
        """Lay out the charts whenever there is a new figure to chart."""
        names, logger = set(trainer.callback_metrics), logger_of(trainer)
        if trainer.is_global_zero and logger is not None and not names <= self._charted:
            self._charted |= names
            write_layout(logger, self._charted)

    def _draw(
        self, trainer: Trainer, module: SymmetryModule, stage: Literal["val", "test"]
    ) -> None:
        logger = logger_of(trainer)
        folder = None if self.run_dir is None else self.run_dir / "figures" / stage
        if getattr(trainer, "fast_dev_run", False):
            folder = None
        painter = painter_of(module)
        if not trainer.is_global_zero or painter is None or (logger is None and folder is None):
            return
        curves = self._curves if stage == "val" else {}
        data = getattr(trainer, "datamodule", None)
        with torch.no_grad():
            for name, picture in painter.paint(module, module.evaluator(stage), data, curves):
                pixels = _rendered(picture)
                if folder is not None:
                    file = io.BytesIO()
                    imsave(file, pixels, format="png")
                    atomic_write(folder / f"{name}.png", file.getvalue())
                if logger is not None:
                    place, step = f"{stage}/{name}", module.batches_seen
                    logger.experiment.add_image(place, pixels, step, dataformats="HWC")
        if logger is not None:
            logger.experiment.flush()


def _rendered(picture: Figure | npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A figure's pixels ``(H, W, 3)``, drawn once for file and board; an array as it is."""
    if not isinstance(picture, Figure):
        return picture
    canvas: Any = FigureCanvasAgg(picture)
    canvas.draw()
    pixels: npt.NDArray[np.uint8] = np.array(canvas.buffer_rgba())
    return pixels[..., :3]
