"""The papers' tables as data: which systems, which figures, which published values."""
