"""The Keras side of a benchmark: the network of keras.applications, on JAX."""

import os
import time

import numpy as np

from zoo.benchmark.timing import Side
from zoo.benchmark.work import Work
from zoo.errors import ZooError, unknown
from zoo.extras import install_command
from zoo.models.registry import find_entry

# Names in keras.applications. Some differ from the zoo's in strides or padding; the cost of a step is the same.
KERAS = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "inception_v3": "InceptionV3",
    "resnet50": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "resnetv2_50": "ResNet50V2",
    "densenet121": "DenseNet121",
    "densenet169": "DenseNet169",
    "densenet201": "DenseNet201",
    "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3_small": "MobileNetV3Small",
    "mobilenet_v3_large": "MobileNetV3Large",
    "efficientnet_b0": "EfficientNetB0",
    "efficientnet_b1": "EfficientNetB1",
    "efficientnet_b2": "EfficientNetB2",
    "xception": "Xception",
    "inception_resnet_v2": "InceptionResNetV2",
    "convnext_tiny": "ConvNeXtTiny",
}


def keras_side(work: Work) -> Side:
    """Returns a step with the same work as `zoo_side`: `train_on_batch` or `predict_on_batch` of a compiled model.

    Raises:
      ZooError: Keras is not installed, or does not have the network.
    """
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if work.model not in KERAS:
        raise unknown("network of keras.applications", work.model, KERAS)
    try:
        import keras
    except ImportError:
        raise ZooError(f"--against=keras needs Keras: {install_command('bench', 'keras')}") from None
    if work.dtype == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    entry = find_entry(work.model)
    network = getattr(keras.applications, KERAS[work.model])(
        weights=None, input_shape=work.input_shape, classifier_activation=None
    )
    network.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9, weight_decay=5e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    random = np.random.default_rng(0)
    images = random.standard_normal((work.batch, *work.input_shape), np.float32)
    labels = random.integers(0, entry.num_classes, work.batch, np.int32)

    def step():
        if work.mode == "train":
            return float(network.train_on_batch(images, labels))
        return float(network.predict_on_batch(images)[0, 0])

    started = time.perf_counter()
    step()
    return Side(step, time.perf_counter() - started)
