"""Recipes that faults are tried on, the cheapest first, and short ones with parts that these lack."""

# Of the zoo's recipes: a table with Adam; SGD with momentum and a cosine; batch normalization, Adam, a plateau and a
# validation split; weight decay and flips; dropout and depthwise convolutions; averaged weights and RMSprop.
BASES = (
    "mlp",
    "lenet5",
    "bn_cnn",
    "verification.faults.bases.weighted",
    "verification.faults.bases.mixed",
    "squeezenet1_1",
    "mobilenet_v3_small",
    "efficientnet_b0",
)
