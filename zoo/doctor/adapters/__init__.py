"""Programs made from recipes, and from what users of PyTorch and Keras have."""
