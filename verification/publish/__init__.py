"""What is published about networks and recipes: the tables of documents, and the pages of the site.

`python -m verification.results` writes the tables; `python -m mkdocs build` makes the pages of single networks, recipes
and public names (`hook.py`), which are not checked in.
"""
