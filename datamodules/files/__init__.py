"""Readers of files, each with errors that say where."""
