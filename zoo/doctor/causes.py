"""The causes that a diagnosis can name: things about a training program that someone can change."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A cause for which training fails.

    Attributes:
      name: in the field's terms.
      what: one sentence that says what it is.
      remedy: what to do, if nothing more specific is known.
      documents: which of the five texts that the project began with name it: 0 AlexNet in TensorFlow, 1 TensorFlow 2.1,
        2 TensorFlow CNN errors, 3 TensorFlow network, 4 PyTorch CNN.
      explains: causes that it looks like as well, so that a sign of one of them is not a second fault beside it.
    """

    name: str
    what: str
    remedy: str
    documents: tuple[int, ...] = ()
    explains: tuple[str, ...] = ()


# Signs of a network that has memorized its training examples.
OVERFITTING = ("regularization_weak", "augmentation_missing", "capacity_too_large")

CAUSES: dict[str, Cause] = {
    "inputs_unscaled": Cause(
        "inputs not scaled",
        "The network receives pixel values or features of a scale far from 1.",
        "scale the inputs to mean 0 and standard deviation 1, with the statistics of the training data",
        (0, 1, 2, 4),
        explains=("hidden_activation", "initialization_scale", "normalization_missing"),
    ),
    "inputs_scaled_twice": Cause(
        "inputs scaled twice",
        "The inputs were divided twice, so that they hardly differ from each other.",
        "scale the inputs once",
        (0, 4),
    ),
    "channel_order": Cause(
        "channels in another order",
        "Training and evaluation, or the weights, have the colour channels in different orders.",
        "read images as RGB everywhere",
        (4,),
    ),
    "wrong_statistics": Cause(
        "wrong normalization statistics",
        "The mean and standard deviation of the normalization are not those of the training data.",
        "measure mean and standard deviation on the training split, in the units of the images",
        (1, 3, 4),
    ),
    "bad_values": Cause(
        "values that are not finite",
        "Inputs contain NaN or infinite values, or are missing.",
        "remove or impute these examples",
        (1, 3),
    ),
    "low_quality": Cause(
        "unusable images",
        "Images are blank, or cannot be decoded.",
        "remove or replace these files",
        (0, 1, 3, 4),
    ),
    "label_encoding": Cause(
        "labels encoded wrongly",
        "Labels are not the class numbers 0 to K - 1, or not the one-hot rows, that the loss takes.",
        "encode labels as integers from 0 to K - 1",
        (0,),
        explains=("bad_split", "class_imbalance", "label_noise", *OVERFITTING),
    ),
    "labels_independent": Cause(
        "labels independent of the inputs",
        "Nothing in the inputs predicts the labels: they are random, or paired with the wrong images.",
        "check that image i and label i belong together; nothing can be learned otherwise",
        (0, 1, 4),
        explains=("label_noise", *OVERFITTING),
    ),
    "label_noise": Cause(
        "wrong labels",
        "A fraction of the labels is wrong.",
        "correct or remove the examples listed",
        (0, 4),
        explains=OVERFITTING,
    ),
    "class_imbalance": Cause(
        "class imbalance",
        "Rare classes are not predicted.",
        "weight the classes, or sample them equally often: --set='imbalance=ClassWeights()'",
        (2, 3, 4),
    ),
    "too_little_data": Cause(
        "too little data",
        "There are too few examples to learn from: held-out accuracy still grows with their number.",
        "collect more examples, augment them, or fine-tune a trained network",
        (1, 2, 4),
        explains=OVERFITTING,
    ),
    "leakage": Cause(
        "leakage",
        "Examples of the evaluation split are in the training split as well.",
        "split again, so that each original example is in one split only, before oversampling and augmentation",
        (3,),
    ),
    "bad_split": Cause(
        "unrepresentative split",
        "The evaluation split has other classes, or other proportions of them, than the training split.",
        "split at random, stratified by class",
        (3, 4),
        explains=("class_imbalance", *OVERFITTING),
    ),
    "unshuffled": Cause(
        "examples not shuffled",
        "Batches come in an order that depends on the label, or the same in each epoch.",
        "shuffle the training examples in each epoch",
        (2, 4),
    ),
    "augmentation_missing": Cause(
        "no augmentation",
        "Training images are not augmented, and the network memorizes them.",
        "augment the training images as the reference does",
        (0,),
    ),
    "augmentation_too_strong": Cause(
        "augmentation too strong",
        "Augmented images no longer show what their labels say.",
        "weaken the augmentation",
        (0, 2),
    ),
    "augmentation_range": Cause(
        "augmentation changes the range of values",
        "Augmented images have another range of values than the images that are evaluated.",
        "apply augmentation to the values that it is made for, and scale afterwards",
        (0, 2),
    ),
    "augmentation_key_reused": Cause(
        "augmentation always the same",
        "An image is augmented in the same way each time, so that augmentation adds nothing.",
        "draw new random numbers for each image and step",
        (0,),
        explains=("evaluation_preprocessing", *OVERFITTING),
    ),
    "augmentation_on_evaluation": Cause(
        "evaluation images are augmented",
        "Evaluation is random: its images are augmented, or dropout is active.",
        "evaluate without augmentation and in evaluation mode",
        (0, 4),
        explains=("evaluation_preprocessing", "evaluation_parameters", "batch_norm_misuse"),
    ),
    "output_activation": Cause(
        "wrong activation of the output",
        "The last layer's activation does not belong to the loss, such as a softmax before a loss that has its own.",
        "return logits, without an activation, to a loss that takes logits",
        (0, 1, 2, 4),
    ),
    "head_width": Cause(
        "wrong number of outputs",
        "The network's number of outputs is not the number of classes.",
        "make the last layer as wide as there are classes",
        (0, 4),
    ),
    "hidden_activation": Cause(
        "wrong activation of hidden layers",
        "Hidden layers have no activation, or one that saturates.",
        "use ReLU after each hidden layer",
        (0, 1, 2, 4),
    ),
    "initialization_scale": Cause(
        "initial weights of the wrong scale",
        "Initial weights are so large or so small that activations grow or vanish from layer to layer.",
        "initialize kernels with variance 2 / fan-in (He et al. 2015): --set='initialization.kernel=HeNormal()'",
        (0, 2, 3),
        explains=("hidden_activation", "normalization_missing"),
    ),
    "initialization_symmetric": Cause(
        "equal initial weights",
        "Units of a layer start with the same weights, and stay equal.",
        "draw initial weights at random",
        (0,),
    ),
    "feature_map_collapse": Cause(
        "feature maps too small",
        "Strides and pools reduce the feature maps to one pixel before the last layers.",
        "use fewer strides and pools, or larger images",
        (0, 2, 4),
        explains=("normalization_missing",),
    ),
    "wrong_architecture": Cause(
        "another architecture",
        "The network is not the reference's.",
        "change the layer named first to the reference's",
        (0, 2, 4),
    ),
    "normalization_missing": Cause(
        "no normalization layers",
        "A deep network without normalization layers passes hardly any signal.",
        "put batch normalization after each convolution",
        (2,),
    ),
    "batch_norm_misuse": Cause(
        "batch normalization misused",
        "Evaluation with running statistics gives other outputs than training: they are not updated, or batches are"
        " too small for them.",
        "update running statistics in training, use them in evaluation, and batches of 16 or more",
        (2,),
    ),
    "capacity_too_small": Cause(
        "network too small",
        "The network cannot even fit the training examples.",
        "use a wider or deeper network",
        (1, 2, 3, 4),
    ),
    "capacity_too_large": Cause(
        "network too large for the data",
        "The network memorizes the training examples.",
        "use a smaller network, more data, or regularization",
        (1, 2, 3, 4),
    ),
    "batch_crosstalk": Cause(
        "examples of a batch influence each other",
        "The prediction for an example changes with the other examples of its batch.",
        "look for a reshape, or a mean or softmax over the batch axis",
        (),
        explains=("batch_norm_misuse", "evaluation_parameters"),
    ),
    "loss_kind": Cause(
        "loss of another kind",
        "The loss is not one for classification with these labels and outputs.",
        "use softmax cross-entropy",
        (0, 1, 2),
        explains=("batch_norm_misuse", "evaluation_parameters"),
    ),
    "loss_reduction": Cause(
        "loss summed over the batch",
        "The loss is a sum over examples, so that the rate of learning depends on the batch size.",
        "use the mean over examples",
        (),
    ),
    "loss_unstable": Cause(
        "numerically unstable loss",
        "The loss is not finite, or does not grow, for confident outputs.",
        "compute it from logits, with log-softmax",
        (2, 3),
    ),
    "gradient_sign": Cause(
        "wrong sign",
        "Training steps increase the loss of right predictions.",
        "minimize the loss",
        (),
    ),
    "learning_rate_high": Cause(
        "learning rate too high",
        "Steps are so large that the loss does not fall, or diverges.",
        "lower the learning rate",
        (0, 1, 2, 3, 4),
        explains=("batch_norm_misuse", "hidden_activation"),
    ),
    "learning_rate_low": Cause(
        "learning rate too low",
        "Steps are so small that the loss hardly falls in the whole run.",
        "raise the learning rate",
        (0, 1, 2, 3, 4),
    ),
    "schedule": Cause(
        "wrong schedule of the learning rate",
        "The learning rate is close to zero for most of the run, or never decays.",
        "let the schedule end with the run",
        (0, 2, 3, 4),
    ),
    "optimizer_settings": Cause(
        "wrong settings of the optimizer",
        "Momentum, the betas, epsilon or clipping keep the optimizer from progress at any learning rate.",
        "use the optimizer's default settings",
        (0, 1, 2, 3, 4),
    ),
    "batch_size": Cause(
        "wrong batch size",
        "The batch is so small that gradients are noise, or so large that there are hardly any steps.",
        "use a batch of 32 to 256, and scale the learning rate with it",
        (0, 2, 3),
    ),
    "regularization_strong": Cause(
        "regularization too strong",
        "Weight decay, dropout or label smoothing keep the network from fitting the training examples.",
        "reduce weight decay and dropout",
        (2,),
    ),
    "regularization_weak": Cause(
        "too little regularization",
        "The network fits the training examples far better than others.",
        "add weight decay, dropout or augmentation, or stop early",
        (0, 1, 2, 3, 4),
    ),
    "frozen_parameters": Cause(
        "parameters that are not trained",
        "Parameters do not change in training.",
        "give them to the optimizer, and let gradients reach them",
        (),
    ),
    "stopped_early": Cause(
        "stopped too early",
        "The run ends while its loss is still falling.",
        "train for more steps",
        (2, 3, 4),
    ),
    "evaluation_parameters": Cause(
        "evaluation of other parameters",
        "Evaluation does not use the parameters that were trained.",
        "evaluate the current parameters",
        (),
    ),
    "evaluation_preprocessing": Cause(
        "evaluation preprocessed otherwise",
        "Evaluation inputs are scaled, resized or ordered otherwise than those of training.",
        "use one preprocessing for training and evaluation, except for augmentation",
        (0, 4),
        explains=("evaluation_parameters", "batch_norm_misuse", *OVERFITTING),
    ),
}
