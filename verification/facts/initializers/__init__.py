"""Distributions of initial parameters, and those of each network by its paper or another implementation."""

from verification.facts.initializers.law import (
    GLOROT_UNIFORM,
    ONE,
    ZERO,
    Law,
    constant,
    he_normal,
    normal,
    truncated_normal,
    uniform_within,
)
from verification.facts.initializers.networks import NETWORKS, Initializers, laws_of

__all__ = [
    "GLOROT_UNIFORM",
    "NETWORKS",
    "ONE",
    "ZERO",
    "Initializers",
    "Law",
    "constant",
    "he_normal",
    "laws_of",
    "normal",
    "truncated_normal",
    "uniform_within",
]
