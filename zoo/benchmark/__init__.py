"""Benchmarks of training and evaluation speed, alone or against the same network in PyTorch or Keras."""
