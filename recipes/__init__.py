"""Training recipes, one a file: what the docstring promises, `python -m verification` checks."""
