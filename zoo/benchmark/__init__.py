"""How fast a network trains and evaluates, alone or against the same network in PyTorch."""
