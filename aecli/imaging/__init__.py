"""Pixels between disk and arrays; knows nothing of networks."""
