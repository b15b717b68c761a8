"""What a run leaves behind: its config, its record, its predictions and its figures."""

from symmetry_pl.callbacks.figures import Figures
from symmetry_pl.callbacks.prediction_writer import PredictionWriter
from symmetry_pl.callbacks.run_config import RunConfig
from symmetry_pl.callbacks.run_record import RunRecord

__all__ = ["Figures", "PredictionWriter", "RunConfig", "RunRecord"]
