"""Networks: maps of plain tensors, and the rooms flows and tokens."""
