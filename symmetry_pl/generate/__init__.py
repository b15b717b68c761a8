"""New molecules whose properties stay while the rest of their code moves."""
