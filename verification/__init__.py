"""Checks that networks are the right ones and that recipes converge: `python -m verification`."""

SEED = 1000  # of the runs that are judged; ledgers hold small seeds
