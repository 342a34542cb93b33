"""The outputs of a training run: its folder, checkpoints, records, verdict and plots."""
