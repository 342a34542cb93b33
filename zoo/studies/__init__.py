"""Studies, which compare variants of a recipe: their runs, tables and plots."""
