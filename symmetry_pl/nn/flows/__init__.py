"""Invertible networks with a density: couplings, splines, and the two flows made of them."""
