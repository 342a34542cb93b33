"""Reports of a diagnosis: for a terminal, and as a page."""
