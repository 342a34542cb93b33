"""Layer tables as printed in papers: a module per family, with the `Table` of each network in `PAPERS`."""
