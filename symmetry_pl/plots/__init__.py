"""Drawings of plain arrays; nothing here knows of trainers or loggers."""
