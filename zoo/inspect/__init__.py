"""Looks into networks and data: layer tables, comparisons, activations, contact sheets."""
