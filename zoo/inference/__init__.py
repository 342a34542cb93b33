"""Use of trained networks: classification of images and rows, and export to other programs."""
