"""Architectures: one family a file. `zoo.models.registry` finds them by name."""
