"""Rules about the loss as a function, and the outputs that it is given."""

import math
from collections.abc import Iterator, Mapping

from zoo.doctor.evidence import Rule, Suspicion, Values

TOLERANCE = 1e-3  # relative, of values that are equal but for rounding
SURE = 8.0  # score of an exact test


def wrong_width(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """The number of outputs is not that of the classes; a single output can stand for two classes."""
    outputs = evidence.get("outputs")
    if not outputs or outputs["width"] == outputs["classes"] or (outputs["width"] == 1 and outputs["classes"] == 2):
        return
    yield Suspicion(
        "head_width",
        "wrong width",
        SURE,
        f"the network has {outputs['width']} outputs, and the data {outputs['classes']} classes",
        evidence={"outputs": outputs["width"], "classes": outputs["classes"]},
        healthy="as many outputs as classes",
        remedy=f"give the last layer {outputs['classes']} outputs",
        exact=True,
        fatal=outputs["width"] < outputs["classes"],
    )


def double_softmax(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Outputs that already passed an activation, given to a loss that takes logits."""
    outputs, loss = evidence.get("outputs"), evidence.get("loss function")
    if not outputs or not loss or "right" not in loss or not takes_logits(loss):
        return
    floor = math.log(1 + (loss["width"] - 1) / math.e)
    # Logits of small or equal weights may all be of one sign; after some training, they are not.
    trained, weights = evidence.get("evaluation", outputs), evidence.get("initial weights")
    if weights and weights["equal"] and not outputs["sums_to_one"]:
        return
    if outputs["sums_to_one"] and outputs["minimum"] >= 0:
        what, healthy = "are probabilities, rows that sum to 1", "logits, of any sign and size"
        summary = (
            f"the outputs {what}, but the loss applies a softmax itself: it cannot fall below {floor:.4f},"
            f" ln(1 + (K - 1) / e) for K = {loss['width']} classes"
        )
        change = {"loss": "cross_entropy"}
        remedy = "remove the softmax after the last layer"
    elif trained["minimum"] >= 0 and outputs["minimum"] >= 0 and outputs["zeros"] > 0.02:
        summary = (
            f"no output is negative, and {outputs['zeros']:.0%} are exactly 0: a ReLU follows the last layer, and the"
            " loss takes logits"
        )
        healthy, change, remedy = "logits of both signs", {}, "remove the ReLU after the last layer"
    elif min(outputs["minimum"], trained["minimum"]) > 0 and max(outputs["maximum"], trained["maximum"]) < 1:
        summary = (
            f"all outputs are between {outputs['minimum']:.3f} and {outputs['maximum']:.3f}: a sigmoid follows the last"
            " layer, and the loss takes logits"
        )
        healthy, change = "logits, of any sign and size", {}
        remedy = "remove the sigmoid after the last layer"
    else:
        return
    yield Suspicion(
        "output_activation",
        "double softmax",
        SURE,
        summary,
        "the last layer",
        {"minimum": outputs["minimum"], "maximum": outputs["maximum"], "floor": floor},
        healthy,
        remedy,
        exact=True,
        fatal=True,
        change=change,
    )


def logits_as_probabilities(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """Outputs that are no probabilities, given to a loss that takes the logarithm of probabilities."""
    outputs, loss = evidence.get("outputs"), evidence.get("loss function")
    if not outputs or not loss or "right" not in loss or takes_logits(loss) or not takes_probabilities(loss):
        return
    if outputs["minimum"] >= 0 and outputs["maximum"] <= 1:
        return
    yield Suspicion(
        "output_activation",
        "logits as probabilities",
        SURE,
        f"the outputs reach from {outputs['minimum']:.3g} to {outputs['maximum']:.3g}, but the loss takes"
        " probabilities: the softmax is missing",
        "the last layer",
        {"minimum": outputs["minimum"], "maximum": outputs["maximum"]},
        "probabilities from 0 to 1",
        "add a softmax after the last layer, or use the loss with from_logits=True",
        exact=True,
        fatal=True,
        change={"loss": "cross_entropy"},
    )


def takes_logits(loss: Values) -> bool:
    """Returns whether a loss has a softmax of its own: adding a constant to all outputs does not change it."""
    return _near(loss["random"], loss["shifted"]) and loss["right"][-1] < loss["uniform"] < loss["wrong"][-1]


def takes_probabilities(loss: Values) -> bool:
    """Returns whether a loss is the negative logarithm of a probability, as at 0.98 + 0.02 / K and at 0.02 / K."""
    width = loss["width"]
    expected = [-math.log(0.98 + 0.02 / width), -math.log(0.02 / width)]
    found = [loss["probable"], loss["improbable"]]
    return all(abs(one - two) < 0.02 * max(two, 0.05) + 1e-3 for one, two in zip(found, expected, strict=True))


def reduction(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss that doubles when the batch is repeated is a sum."""
    loss = evidence.get("loss function")
    if not loss or "repeated" not in loss or not loss["random"]:
        return
    ratio = loss["repeated"] / loss["random"]
    if abs(ratio - 2) < 0.02:
        yield Suspicion(
            "loss_reduction",
            "reduction",
            SURE,
            f"the loss of a batch repeated twice is {ratio:.3f} times as large: it is a sum over examples, so that"
            " steps are larger by the batch size than those of a mean",
            evidence={"ratio": ratio},
            healthy="1.000: a mean over examples",
            remedy='use the mean over examples (reduction="mean")',
            exact=True,
            change={"loss": "cross_entropy"},
        )


def sign(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss that is larger for right outputs than for wrong ones has the wrong sign."""
    loss = evidence.get("loss function")
    if not loss or "right" not in loss:
        return
    right, wrong = loss["right"][2], loss["wrong"][2]  # at a moderate scale, where every loss is still sensitive
    if right > wrong and loss["right"][0] > loss["wrong"][0]:
        yield Suspicion(
            "gradient_sign",
            "sign",
            SURE,
            f"the loss of right outputs is {right:.3g}, and of wrong ones {wrong:.3g}: minimizing it makes predictions"
            " wrong",
            evidence={"right": right, "wrong": wrong},
            healthy="a smaller loss for right outputs",
            remedy="change the sign of the loss",
            exact=True,
            fatal=True,
            change={"loss": "cross_entropy"},
        )


def mixes_examples(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss of a batch that is neither the mean nor the sum of the losses of its examples uses the wrong axis."""
    loss = evidence.get("loss function")
    if not loss or "mean_of_single" not in loss:
        return
    whole, single = loss["random"], loss["mean_of_single"]
    if _near(whole, single, 0.01) or _near(whole, 8 * single, 0.01) or loss["class_weights"]:
        return
    yield Suspicion(
        "loss_kind",
        "mixes examples",
        SURE,
        f"the loss of a batch is {whole:.4g}, and the mean loss of its examples {single:.4g}: it is computed over the"
        " wrong axis",
        evidence={"batch": whole, "examples": single},
        healthy="the mean or the sum of the losses of single examples",
        remedy="compute the softmax over the classes, the last axis of the outputs",
        exact=True,
        change={"loss": "cross_entropy"},
    )


def weighted(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A mean over the batch in which classes have very different weights."""
    ratio = evidence.get("loss function", {}).get("class_weights")
    if ratio and ratio > 1 + TOLERANCE:
        yield Suspicion(
            "loss_kind",
            "class weights",
            min(4 * (math.log10(ratio) - 1.5), SURE),
            f"the loss gives classes weights that differ by a factor of {ratio:.3g}: some are hardly learned",
            "the weights of the loss",
            {"ratio of weights": ratio},
            "about the inverse of the classes' frequencies",
            "leave the class weights out, or make them proportional to 1 / number of examples of the class",
            change={"loss": "cross_entropy"},
        )


def kind(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss that is larger for confident right outputs than for moderate ones is one for regression."""
    loss, outputs = evidence.get("loss function"), evidence.get("outputs")
    if not loss or "right" not in loss or takes_logits(loss) or loss["right"][0] > loss["wrong"][0]:
        return
    if takes_probabilities(loss) and outputs and outputs["minimum"] >= 0 and outputs["maximum"] <= 1:
        return
    least = min(loss["right"])
    if loss["right"][-1] > least + 0.1 * abs(least) + 1e-3:
        yield Suspicion(
            "loss_kind",
            "kind",
            1.0,
            f"the loss of right outputs is {least:.3g} at least and rises to {loss['right'][-1]:.3g} for confident"
            " ones: it is a loss for regression",
            evidence={"least": least, "confident": loss["right"][-1]},
            healthy="a loss that falls as the right output grows",
            remedy="--set='loss=SoftmaxCrossEntropy()', or the softmax cross-entropy of your framework",
            change={"loss": "cross_entropy"},
        )


def bounded(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss that is hardly larger for confident wrong outputs than for uniform ones: their gradient vanishes."""
    loss = evidence.get("loss function")
    if not loss or "confident_wrong" not in loss or not takes_logits(loss) or loss["uniform"] <= 0:
        return
    ratio = loss["confident_wrong"] / loss["uniform"]
    if ratio < 2:
        yield Suspicion(
            "loss_kind",
            "bounded",
            1.0,
            f"the loss of confident wrong outputs is {ratio:.2f} times that of uniform ones: it has no gradient",
            evidence={"uniform": loss["uniform"], "confident": loss["confident_wrong"]},
            healthy="a loss that grows with the error, as cross-entropy does",
            remedy="--set='loss=SoftmaxCrossEntropy()', or the softmax cross-entropy of your framework",
            change={"loss": "cross_entropy"},
        )


def stability(evidence: Mapping[str, Values]) -> Iterator[Suspicion]:
    """A loss that is not finite for large outputs, or that stops growing for wrong ones, is computed unstably."""
    loss = evidence.get("loss function")
    if not loss or "large_wrong" not in loss or not takes_logits(loss):
        return
    values = {"right": loss["large_right"], "wrong": loss["large_wrong"], "confident": loss["confident_wrong"]}
    if not all(math.isfinite(value) for value in values.values()):
        text = (
            f"the loss of outputs of 10,000 is {values['right']:g} where they are right and {values['wrong']:g} where"
            " they are wrong"
        )
    elif loss["wrong"][-2] > 5 and values["confident"] < 1.2 * loss["wrong"][-1]:
        text = f"the loss of wrong outputs stops growing at {values['confident']:.3g}: its gradient vanishes there"
    else:
        return
    yield Suspicion(
        "loss_unstable",
        "stability",
        SURE,
        text,
        evidence=values,
        healthy="finite, and as large as the error of the logits",
        remedy="compute the loss from logits with log-softmax, without clipping probabilities",
        exact=True,
        change={"loss": "cross_entropy"},
    )


def _near(one, two, tolerance=TOLERANCE):
    return abs(one - two) <= tolerance * max(abs(one), abs(two), 1e-6)


RULES: tuple[Rule, ...] = (
    wrong_width,
    double_softmax,
    logits_as_probabilities,
    reduction,
    sign,
    mixes_examples,
    weighted,
    kind,
    bounded,
    stability,
)
