"""One training engine for every task."""
