"""Initial distributions of the parameters of each network, by its paper or another implementation.

They are written down from these sources, and do not refer to the networks' own initializers, which are tested by them.
"""

import fnmatch
import math
from collections.abc import Mapping
from dataclasses import dataclass

from verification.facts.initializers.law import (
    GLOROT_UNIFORM,
    ONE,
    ZERO,
    Law,
    constant,
    he_normal,
    normal,
    uniform_within,
)
from zoo.recipe import Model


@dataclass(frozen=True)
class Initializers:
    """The initial distributions of a network's parameters.

    Attributes:
      source: where they are from.
      laws: by pattern of the parameters' paths, such as "fc/kernel"; of several that match, the last one counts. Biases
        are zero and scales of normalizations one where no pattern matches.
      departures: what differs from the source, with the reason.
    """

    source: str
    laws: Mapping[str, Law]
    departures: str = ""


# Of all networks whose source does not state others. The zoo's scales are the weights of normalizations elsewhere.
CONSTANTS = {"*bias": ZERO, "*scale": ONE}
# torch.nn.Linear and Conv2d, `reset_parameters`: kaiming_uniform_(a=sqrt(5)), which is within +-1 / sqrt(fan_in); and
# biases within +-1 / sqrt(fan_in) of the layer's kernel.
PYTORCH_DEFAULT = uniform_within(1.0, "fan_in")

ALEXNET = Initializers(
    "Krizhevsky et al. 2012, section 5: standard deviation 0.01; biases 1 in the second, fourth and fifth convolution"
    " and in the hidden linear layers",
    {"*kernel": normal(0.01), **{f"{layer}/bias": ONE for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")}},
)
ALEXNET_OWT = Initializers(
    "torchvision, alexnet.py: PyTorch's default", {"*kernel": PYTORCH_DEFAULT, "*bias": PYTORCH_DEFAULT}
)
ALL_CNN = Initializers(
    "He et al. 2015, equation 10; Springenberg et al. 2015 do not state the initialization",
    {"*kernel": he_normal("fan_in")},
)
KERAS_DEFAULT = Initializers("Keras, Conv2D and Dense: glorot_uniform and zeros", {"*kernel": GLOROT_UNIFORM})
CONVNEXT = Initializers(
    "Liu et al. 2022, appendix A.1, and torchvision, convnext.py: trunc_normal_(std=0.02), which truncates at +-2, a"
    " hundred standard deviations; layer_scale 1e-6",
    {"*kernel": normal(0.02), "*layer_scale": constant(1e-6)},
)
DENSENET = Initializers(
    "torchvision, densenet.py: kaiming_normal_ with its default fan_in; Linear's default kernel, bias 0",
    {"*kernel": he_normal("fan_in"), "classifier/kernel": PYTORCH_DEFAULT},
)
EFFICIENTNET = Initializers(
    'torchvision, efficientnet.py: kaiming_normal_(mode="fan_out"), bias 0; Linear uniform within 1 / sqrt(outputs)',
    {"*kernel": he_normal("fan_out"), "fc/kernel": uniform_within(1.0, "fan_out")},
)
GOOGLENET = Initializers(
    "Caffe, bvlc_googlenet/train_val.prototxt: xavier, which is uniform within +-sqrt(3 / fan_in); biases 0.2, and 0 in"
    " the classifiers",
    {
        "*kernel": uniform_within(math.sqrt(3), "fan_in"),
        "*bias": constant(0.2),
        "fc/bias": ZERO,
        "aux?/fc2/bias": ZERO,
    },
)
GOOGLENET_BN = Initializers(
    "torchvision, googlenet.py: trunc_normal_(std=0.01) within +-2, 200 standard deviations; Linear's default bias",
    {"*kernel": normal(0.01), "fc/bias": PYTORCH_DEFAULT, "aux?/fc?/bias": PYTORCH_DEFAULT},
)
INCEPTION_RESNET_V2 = Initializers(
    "TF-Slim, inception_resnet_v2.py: xavier_initializer, the default of its layers, and biases zero",
    {"*kernel": GLOROT_UNIFORM},
)
INCEPTION_V3 = Initializers(
    "torchvision, inception.py: trunc_normal_(std=0.1) within +-2, 20 standard deviations, and 0.001 in aux/fc;"
    " Linear's default bias",
    {
        "*kernel": normal(0.1),
        "aux/conv1/conv/kernel": normal(0.01),
        "aux/fc/kernel": normal(0.001),
        "fc/bias": PYTORCH_DEFAULT,
        "aux/fc/bias": PYTORCH_DEFAULT,
    },
    departures="aux/conv1 has 0.01 as in TF-Slim: torchvision states it, on a block that does not use it",
)
INCEPTION_V4 = Initializers(
    "TF-Slim, inception_utils.py: variance_scaling_initializer(), a truncated normal of variance 2 / fan_in; the last"
    " layer xavier_initializer, biases zero",
    {"*kernel": Law("truncated normal", 2.0, "fan_in"), "fc/kernel": GLOROT_UNIFORM},
)
LENET5 = Initializers(
    "LeCun et al. 1998, appendix A: uniform within +-2.4 / fan_in",
    {"*kernel": uniform_within(2.4, "fan_in", root=False)},
)
MNASNET = Initializers(
    'torchvision, mnasnet.py: kaiming_normal_(mode="fan_out"); Linear kaiming_uniform_(mode="fan_out",'
    ' nonlinearity="sigmoid"), which is within +-sqrt(3 / fan_out), bias 0',
    {"*kernel": he_normal("fan_out"), "fc/kernel": uniform_within(math.sqrt(3), "fan_out")},
)
# The linear layers are fc, or fc1 and fc2; block*/squeeze/fc? are convolutions.
MOBILENET_LAWS = {"*kernel": he_normal("fan_out"), "fc*/kernel": normal(0.01)}
MOBILENET_V1 = Initializers("that of MobileNetV2, since Howard et al. 2017 do not state it", MOBILENET_LAWS)
MOBILENET_V2 = Initializers(
    'torchvision, mobilenetv2.py: kaiming_normal_(mode="fan_out"), bias 0; Linear normal_(0, 0.01), bias 0',
    MOBILENET_LAWS,
)
MOBILENET_V3 = Initializers(
    'torchvision, mobilenetv3.py: kaiming_normal_(mode="fan_out"), bias 0; Linear normal_(0, 0.01), bias 0',
    MOBILENET_LAWS,
)
NIN = Initializers(
    "Lin et al. 2014, the authors' CIFAR-10 definition for Caffe: gaussian, std 0.05; biases 0",
    {"*kernel": normal(0.05)},
)
REGNET = Initializers(
    "torchvision, regnet.py: normal_ of variance 2 / (kernel size * out_channels); Linear normal_(0, 0.01), bias 0",
    {"*kernel": he_normal("fan_out"), "fc/kernel": normal(0.01)},
    departures="biases of squeeze-and-excitation are zero; torchvision leaves them at PyTorch's default",
)
RESNET = Initializers(
    'torchvision, resnet.py: kaiming_normal_(mode="fan_out"); Linear\'s default',
    {"*kernel": he_normal("fan_out"), "fc/*": PYTORCH_DEFAULT},
)
RESNET9 = Initializers("cifar10-fast, torch_backend.py: PyTorch's default", {"*kernel": PYTORCH_DEFAULT})
RESNET_CIFAR = Initializers(
    "He et al. 2016, section 4.2, which refers to He et al. 2015, equation 10; biases 0",
    {"*kernel": he_normal("fan_in")},
)
RESNET_V2 = Initializers(
    "He et al. 2016b, the authors' resnet-pre-act.lua: variance 2 / (kernel size * nOutputPlane); the last layer"
    " normal_(std=0.01), bias 0, as in timm, resnetv2.py",
    {"*kernel": he_normal("fan_out"), "fc/kernel": normal(0.01)},
    departures="timm also sets the last kernel of each block to 0, its option zero_init_last",
)
SHUFFLENET = Initializers(
    "torchvision, shufflenetv2.py: PyTorch's default; Ma et al. 2018 do not state it",
    {"*kernel": PYTORCH_DEFAULT, "fc/bias": PYTORCH_DEFAULT},
)
SQUEEZENET = Initializers(
    "torchvision, squeezenet.py: kaiming_uniform_, which is within +-sqrt(6 / fan_in), the last convolution"
    " normal_(0, 0.01); biases 0",
    {"*kernel": uniform_within(math.sqrt(6), "fan_in"), "conv10/kernel": normal(0.01)},
)
VGG = Initializers(
    'torchvision, vgg.py: kaiming_normal_(mode="fan_out"), bias 0; Linear normal_(0, 0.01), bias 0',
    {"*kernel": he_normal("fan_out"), "fc?/kernel": normal(0.01)},
)
WIDE_RESNET = Initializers(
    "Zagoruyko & Komodakis 2016, the authors' utils.lua: MSRinit, of variance 2 / (kernel size * nOutputPlane);"
    " Linear's default in Torch, within +-1 / sqrt(fan_in), bias 0 by FCinit",
    {"*kernel": he_normal("fan_out"), "fc/kernel": PYTORCH_DEFAULT},
)
XCEPTION = Initializers(
    'timm, xception.py: kaiming_normal_(mode="fan_out"); Linear\'s default',
    {"*kernel": he_normal("fan_out"), "fc/*": PYTORCH_DEFAULT},
)
ZFNET = Initializers(
    'Zeiler & Fergus 2014, section 3.1: "10^-2", taken for the standard deviation; biases 0', {"*kernel": normal(0.01)}
)

NETWORKS: Mapping[str, Initializers] = {
    "alexnet": ALEXNET,
    "alexnet_owt": ALEXNET_OWT,
    "all_cnn_c": ALL_CNN,
    **dict.fromkeys(("bn_cnn", "mlp"), KERAS_DEFAULT),
    **dict.fromkeys(("convnext_base", "convnext_small", "convnext_tiny"), CONVNEXT),
    **dict.fromkeys(("densenet121", "densenet169", "densenet201", "densenet_bc_100_12"), DENSENET),
    **dict.fromkeys((*(f"efficientnet_b{number}" for number in range(8)), "efficientnet_lite0"), EFFICIENTNET),
    "googlenet": GOOGLENET,
    "googlenet_bn": GOOGLENET_BN,
    "inception_resnet_v2": INCEPTION_RESNET_V2,
    "inception_v3": INCEPTION_V3,
    "inception_v4": INCEPTION_V4,
    "lenet5": LENET5,
    "mnasnet1_0": MNASNET,
    "mobilenet_v1": MOBILENET_V1,
    "mobilenet_v2": MOBILENET_V2,
    **dict.fromkeys(("mobilenet_v3_large", "mobilenet_v3_small"), MOBILENET_V3),
    "nin_cifar": NIN,
    "regnet_y_400mf": REGNET,
    **dict.fromkeys((*(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)), "resnext50_32x4d"), RESNET),
    "wide_resnet50_2": RESNET,
    "resnet9": RESNET9,
    **dict.fromkeys((f"resnet{depth}" for depth in (20, 32, 44, 56, 110)), RESNET_CIFAR),
    "resnetv2_50": RESNET_V2,
    "shufflenet_v2_x1_0": SHUFFLENET,
    **dict.fromkeys(("squeezenet1_0", "squeezenet1_1"), SQUEEZENET),
    **dict.fromkeys((f"vgg{depth}{kind}" for depth in (11, 13, 16, 19) for kind in ("", "_bn")), VGG),
    **dict.fromkeys(("wrn_16_4", "wrn_28_10"), WIDE_RESNET),
    "xception": XCEPTION,
    "zfnet": ZFNET,
}


def laws_of(model: Model, paths: list[str]) -> dict[str, Law | None]:
    """Returns the law of each parameter, such as "conv1/kernel", that a recipe leaves to its network.

    It is None for a parameter that no source describes, which is also that of kernels of a network that is not listed.
    Options of the network that change the initialization are taken into account: `initial_scale` of ConvNeXt, and
    `zero_init_residual` of ResNet, which sets the last scale of each block to 0 (Goyal et al. 2017, section 5.1).
    """
    laws = {**CONSTANTS, **(NETWORKS[model.name].laws if model.name in NETWORKS else {})}
    if "initial_scale" in model.options:
        laws["*layer_scale"] = constant(model.options["initial_scale"])
    if model.options.get("zero_init_residual"):
        laws[f"layer*_*/{'bn2' if model.name in ('resnet18', 'resnet34') else 'bn3'}/scale"] = ZERO
    return {
        path: next((law for pattern, law in reversed(laws.items()) if fnmatch.fnmatchcase(path, pattern)), None)
        for path in paths
    }
