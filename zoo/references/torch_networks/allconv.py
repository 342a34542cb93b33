"""All convolutional nets of Springenberg et al. 2015."""

from collections import OrderedDict

from torch import nn


def all_cnn_c() -> nn.Module:
    """Builds All-CNN-C of table 2 for CIFAR-10, with one pixel of padding in all 3x3 convolutions."""
    return nn.Sequential(
        OrderedDict(
            drop0=nn.Dropout(0.2),
            conv1=nn.Conv2d(3, 96, 3, padding=1), relu1=nn.ReLU(),
            conv2=nn.Conv2d(96, 96, 3, padding=1), relu2=nn.ReLU(),
            conv3=nn.Conv2d(96, 96, 3, 2, padding=1), relu3=nn.ReLU(), drop1=nn.Dropout(0.5),
            conv4=nn.Conv2d(96, 192, 3, padding=1), relu4=nn.ReLU(),
            conv5=nn.Conv2d(192, 192, 3, padding=1), relu5=nn.ReLU(),
            conv6=nn.Conv2d(192, 192, 3, 2, padding=1), relu6=nn.ReLU(), drop2=nn.Dropout(0.5),
            conv7=nn.Conv2d(192, 192, 3, padding=1), relu7=nn.ReLU(),
            conv8=nn.Conv2d(192, 192, 1), relu8=nn.ReLU(),
            conv9=nn.Conv2d(192, 10, 1), relu9=nn.ReLU(),
            avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        )
    )  # fmt: skip
