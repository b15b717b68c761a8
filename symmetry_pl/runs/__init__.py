"""Where runs live, and what they were made with."""
