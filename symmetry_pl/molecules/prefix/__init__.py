"""SMILES as they are written: what a prefix means, what may follow, what is already there."""
