"""Clouds of points: your own, and shapes that a hidden group has turned."""
