"""The papers' tables as data: which systems, which metrics, which published values."""
