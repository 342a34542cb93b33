"""Recipes trained side by side: the runs, one a line of a file; a table of them; a picture of their curves."""
