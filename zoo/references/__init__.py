"""The same networks in PyTorch, to compare numbers and speed with."""
