"""Training: per-device steps, the training loop, and the files of a run."""
