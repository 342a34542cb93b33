"""Checks and measurements on a machine with a GPU or TPU that is available for a few minutes.

    python -m verification.accelerator --minutes=9 --output=results --data=cifar10=folder:cifar10

`jobs` lists the jobs, most valuable first; `runner` runs them in subprocesses until the time is over; the other modules
implement one job each. `python -m verification.results --write --accelerator=results` imports the results.
"""
