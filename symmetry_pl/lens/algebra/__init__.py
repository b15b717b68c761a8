"""Generators of the linear groups that leave a law alone: equations, their solution, a test."""
