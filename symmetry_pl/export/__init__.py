"""Trained models as graphs that run without this package: ``symmetry export``."""

from symmetry_pl.export.files import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
