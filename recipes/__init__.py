"""Training recipes, one per file; `python -m verification` checks what their docstrings state."""
