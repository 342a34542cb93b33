"""Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022."""

from verification.facts.arithmetic import (
    Branches,
    Conv,
    Flatten,
    GlobalAvgPool,
    Keeps,
    Linear,
    Table,
)

# Section 3: (channels of the first stage, blocks of the stages); channels double from stage to stage.
VARIANTS = {
    "convnext_tiny": (96, (3, 3, 9, 3)),
    "convnext_small": (96, (3, 3, 27, 3)),
    "convnext_base": (128, (3, 3, 27, 3)),
}


def layer_norm(name):
    """Layer normalization, with a scale and a bias per channel."""
    return Keeps(name, "LayerNorm", vectors=2)


def block(name, channels):
    """The block of figure 4, right, with the layer scale of table 5."""
    branch = [
        Conv(f"{name}/depthwise", channels, 7, pad=3, groups=channels),
        layer_norm(f"{name}/norm"),
        Linear(f"{name}/expand", 4 * channels, each_pixel=True),
        Linear(f"{name}/project", channels, each_pixel=True),
        Keeps(f"{name}/drop_path", "DropPath"),
    ]
    return [Branches([branch, []], "add"), Keeps(name, "ConvNeXtBlock", vectors=1)]


def network(channels, depths):
    """The network of table 9."""
    layers = [Conv("stem/conv", channels, 4, 4), layer_norm("stem/norm")]
    for stage, depth in enumerate(depths, start=1):
        if stage > 1:
            channels *= 2
            layers += [layer_norm(f"downsample{stage}/norm"), Conv(f"downsample{stage}/conv", channels, 2, 2)]
        for index in range(depth):
            layers += block(f"stage{stage}_{index}", channels)
    return [*layers, GlobalAvgPool("avgpool"), layer_norm("norm"), Flatten(), Linear("fc", 1000)]


PAPERS = {
    name: Table(
        source="Liu et al. 2022, section 3, figure 4 and table 9",
        input_shape=(224, 224, 3),
        num_classes=1000,
        layers=network(channels, depths),
    )
    for name, (channels, depths) in VARIANTS.items()
}
