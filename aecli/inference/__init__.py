"""Running trained models over images of any size."""
