"""The tables of papers, as they are printed: a module a family, each with `PAPERS`, the `Table` of each network."""
