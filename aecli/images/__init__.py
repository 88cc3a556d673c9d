"""Pixels between disk and arrays: formats, metadata, colour, resampling, metrics."""
