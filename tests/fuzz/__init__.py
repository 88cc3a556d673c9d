"""Seeded mutants of small files, and what must hold for each: a few in CI, thousands by hand.

`python -m tests.fuzz [DIR] [--count N] [--seed N]` runs the program on mutants of its own samples,
or of the files in DIR.
"""
