"""PyTorch implementations of the zoo's networks, to compare outputs and speed with."""
