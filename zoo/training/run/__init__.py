"""What a training run leaves behind: its folder, checkpoints, records, verdict and pictures."""
