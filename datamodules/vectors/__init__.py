"""Vectors: the spiral, hidden signals, slices of MNIST, and arrays of one's own."""
