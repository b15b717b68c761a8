"""Densities of the representation, their scores, and how they are fitted."""
