"""Training: the per-device steps, the loop around them, and what a run leaves behind."""
