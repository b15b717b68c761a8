"""What a run leaves behind: its config, its record, bad rows, predictions and figures."""

from symmetry_pl.callbacks.bad_rows import BadRows
from symmetry_pl.callbacks.figures import Figures
from symmetry_pl.callbacks.prediction_writer import PredictionWriter
from symmetry_pl.callbacks.run_config import RunConfig
from symmetry_pl.callbacks.run_record import RunRecord

__all__ = ["BadRows", "Figures", "PredictionWriter", "RunConfig", "RunRecord"]
