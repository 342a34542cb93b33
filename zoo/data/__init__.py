"""Data sources, splits, input pipelines and augmentation."""
