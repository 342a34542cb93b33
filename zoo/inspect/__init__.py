"""Inspection of networks and data: layer tables, comparisons, activations, contact sheets."""
