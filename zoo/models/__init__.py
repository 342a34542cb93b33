"""Architectures, one family per file; `zoo.models.registry` finds them by name."""
