"""Weights on disk: their file format, and the store that finds and verifies them."""
