"""Checks that networks are the right ones and that recipes converge: `python -m verification`."""
