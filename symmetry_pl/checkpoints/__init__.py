"""Checkpoints that come with the package: each a folder with a card; and how one is made."""
