"""AlexNet, narrow, whose first convolution has no padding, as in the paper, or "SAME" padding, which is often taken for
it: other shapes from there on, such as 57x57 instead of 55x55 for images of 227 pixels.
"""

from zoo.recipe import Study

from . import ALEXNET

STUDY = Study(
    title="Padding of AlexNet's first convolution: VALID or SAME",
    base=ALEXNET,
    variants={"VALID": {}, "SAME": {"model.options.padding": "SAME"}},
    description=__doc__,
    conclusion="VALID and SAME come to 0.723 and 0.719 after 100 steps, which two seeds of each do not tell apart, and both are on"
    " their way to the target. Wrong padding does not keep this network from learning: it shows in the table of layers alone.",
    seeds=2,
)
