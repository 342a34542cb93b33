"""LeNet-5 of LeCun et al. 1998, in the form that the name refers to today."""

from collections import OrderedDict

from torch import nn


def lenet5() -> nn.Module:
    """Builds the network of figure 2, with average pools, C3 fully connected to S2, tanh, and a linear output."""
    return nn.Sequential(
        OrderedDict(
            c1=nn.Conv2d(1, 6, 5), tanh1=nn.Tanh(), s2=nn.AvgPool2d(2),
            c3=nn.Conv2d(6, 16, 5), tanh3=nn.Tanh(), s4=nn.AvgPool2d(2),
            c5=nn.Conv2d(16, 120, 5), tanh5=nn.Tanh(),
            flatten=nn.Flatten(),
            f6=nn.Linear(120, 84), tanh6=nn.Tanh(),
            output=nn.Linear(84, 10),
        )
    )  # fmt: skip
