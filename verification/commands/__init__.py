"""What `python -m verification` does: checks, comparison with a reference, and recording of reference runs."""
