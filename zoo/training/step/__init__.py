"""What one device computes in one training step, and what a training state is made of."""
