"""The per-device computation of one training step, and the training state."""
