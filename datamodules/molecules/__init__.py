"""Molecules: QM9, ZINC250k, and CSV files of one's own."""
