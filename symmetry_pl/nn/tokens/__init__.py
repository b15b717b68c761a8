"""Encoders, decoders and flows of rows of symbols."""
