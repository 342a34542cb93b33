"""The programs that the five documents are about, small: healthy, and broken in the ways that the documents name.

A fault is named by its cause, see `zoo.doctor.causes.CAUSES`. Documents 0 to 3 are about Keras, 4 is about PyTorch.
"""

import numpy as np

import zoo
from zoo.doctor.adapters.keras_program import from_keras
from zoo.doctor.adapters.torch_program import from_torch

CLASSES = 10
BATCH = 32
EPOCHS = 4
MEAN, DEVIATION = 0.286, 0.353  # of Fashion-MNIST's pixels, from 0 to 1

# Faults that the programs with images, documents 0, 2 and 4, can have.
FAULTS = (
    "learning_rate_high",
    "learning_rate_low",
    "inputs_unscaled",
    "output_activation",
    "labels_independent",
    "unshuffled",
    "frozen_parameters",
    "evaluation_preprocessing",
    "loss_reduction",
    "regularization_strong",
)
# Faults that the programs with features, documents 1 and 3, can have.
FEATURE_FAULTS = ("learning_rate_high", "learning_rate_low", "inputs_unscaled", "labels_independent", "unshuffled")
RATE_FACTORS = {"learning_rate_high": 300.0, "learning_rate_low": 1e-4}


def document(number: int, fault: str | None = None, **options):
    """Returns the program of a document; options are those of its own function."""
    return (document_0, document_1, document_2, document_3, document_4)[number](fault, **options)


def document_0(fault=None, *, examples=2_000, seed=0):
    """AlexNet in Keras, for images of 28 x 28: momentum, one-hot labels, and a softmax in the last layer."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Conv2D(24, 5, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(3, 2),
        keras.layers.Conv2D(48, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(3, 2),
        keras.layers.Conv2D(48, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(3, 2),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.25),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
    rate = 0.01 * RATE_FACTORS.get(fault, 1.0)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=fault == "output_activation",
        reduction="sum" if fault == "loss_reduction" else "sum_over_batch_size",
    )
    return _keras("document 0", layers, optimizer, loss, fault, _images(examples, fault, seed), one_hot=True)


def document_1(fault=None, *, examples=1_000, seed=0):
    """A classifier of features in Keras: Adam, and a sigmoid."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
    optimizer = keras.optimizers.Adam(0.01 * RATE_FACTORS.get(fault, 1.0))
    return _keras("document 1", layers, optimizer, "binary_crossentropy", fault, _features(examples, fault, seed))


def document_2(fault=None, *, examples=2_000, seed=0):
    """A convolutional network with batch normalization in Keras: Adam, integer labels, and a softmax."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
    optimizer = keras.optimizers.Adam(0.001 * RATE_FACTORS.get(fault, 1.0))
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=fault == "output_activation",
        reduction="sum" if fault == "loss_reduction" else "sum_over_batch_size",
    )
    return _keras("document 2", layers, optimizer, loss, fault, _images(examples, fault, seed))


def document_3(fault=None, *, examples=1_000, seed=0):
    """A classifier of features, one class of which is rare, in Keras: L2 regularization and a sigmoid."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Dense(10, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
    optimizer = keras.optimizers.Adam(0.01 * RATE_FACTORS.get(fault, 1.0))
    data = _features(examples, fault, seed, rare=0.1)
    return _keras("document 3", layers, optimizer, "binary_crossentropy", fault, data)


def document_4(fault=None, *, examples=2_000, seed=0):
    """A convolutional network in PyTorch: momentum, and the cross-entropy of logits."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(seed)
    layers = [
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, CLASSES),
    ]
    if fault == "output_activation":
        layers.append(nn.Softmax(dim=1))
    model = nn.Sequential(*layers)
    if fault == "frozen_parameters":
        model[3:].requires_grad_(False)
    optimizer = torch.optim.SGD(
        [each for each in model.parameters() if each.requires_grad],
        lr=0.02 * RATE_FACTORS.get(fault, 1.0),
        momentum=0.9,
        weight_decay=0.5 if fault == "regularization_strong" else 1e-4,
    )
    loss = nn.CrossEntropyLoss(reduction="sum" if fault == "loss_reduction" else "mean")
    train, evaluation = (
        TensorDataset(torch.from_numpy(np.moveaxis(images, -1, 1).copy()), torch.from_numpy(labels))
        for images, labels in _images(examples, fault, seed)
    )
    loaders = DataLoader(train, BATCH, shuffle=fault != "unshuffled"), DataLoader(evaluation, 250)
    steps = EPOCHS * len(loaders[0])
    return from_torch(model, loss, optimizer, *loaders, name="document 4", classes=CLASSES, total_steps=steps)


def _keras(name, layers, optimizer, loss, fault, data, *, one_hot=False):
    import keras

    (images, labels), (eval_images, eval_labels) = data
    if fault == "regularization_strong":
        for layer in layers:
            if hasattr(layer, "kernel_regularizer"):
                layer.kernel_regularizer = keras.regularizers.L2(1.0)
    if fault == "frozen_parameters":
        for layer in layers[1:]:
            layer.trainable = False
    model = keras.Sequential([keras.Input(images.shape[1:]), *layers])
    model.compile(optimizer, loss, metrics=["accuracy"])
    if one_hot:
        labels, eval_labels = (np.eye(CLASSES, dtype=np.float32)[each] for each in (labels, eval_labels))
    train = images, labels
    if fault == "unshuffled":  # `fit` would shuffle arrays
        train = [
            (images[start : start + BATCH], labels[start : start + BATCH]) for start in range(0, len(images), BATCH)
        ]
    classes = CLASSES if images.ndim == 4 else 2
    return from_keras(
        model, train, (eval_images, eval_labels), name=name, classes=classes, batch_size=BATCH, epochs=EPOCHS
    )


def _images(examples, fault, seed):
    """Returns a quarter as many evaluation examples as training examples of Fashion-MNIST, standardized."""
    dataset, random = zoo.open_source("fashion_mnist"), np.random.default_rng(seed)
    splits = []
    for split, count, scaled in (
        (dataset.train, examples, fault != "inputs_unscaled"),
        (dataset.eval, examples // 4, fault not in ("inputs_unscaled", "evaluation_preprocessing")),
    ):
        images = np.asarray(split.images[:count], np.float32)
        labels = np.asarray(split.labels[:count], np.int64)
        splits.append(((images / 255 - MEAN) / DEVIATION if scaled else images, labels))
    return _broken(splits, fault, random)


def _features(examples, fault, seed, rare=0.5):
    """Returns examples with features of mean 0 and standard deviation 1, whose class is that of a curved boundary."""
    random = np.random.default_rng(seed)
    splits = []
    for count in (examples, examples // 4):
        features = random.standard_normal((count, 4)).astype(np.float32)
        score = features[:, 0] + features[:, 1] * features[:, 2]
        labels = (score > np.quantile(score, 1 - rare)).astype(np.int64)
        if fault == "inputs_unscaled":
            features = features * np.array([1000, 0.01, 100, 1], np.float32) + np.array([3000, 0, 500, 0], np.float32)
        splits.append((features, labels))
    return _broken(splits, fault, random)


def _broken(splits, fault, random):
    if fault == "labels_independent":
        return [(images, random.permutation(labels)) for images, labels in splits]
    if fault == "unshuffled":
        images, labels = splits[0]
        order = np.argsort(labels, kind="stable")
        return [(images[order], labels[order]), splits[1]]
    return splits
