"""Drawings of plain arrays; labels and units are handed in."""
