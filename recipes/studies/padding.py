"""Study of the padding of the first convolution in a narrow AlexNet: none, as in the paper, or "SAME", a frequent
mistake that changes all later shapes, such as 57x57 instead of 55x55 for images of 227 pixels.
"""

from zoo.recipe import Study

from . import ALEXNET

STUDY = Study(
    title="Padding of AlexNet's first convolution: VALID or SAME",
    base=ALEXNET,
    variants={"VALID": {}, "SAME": {"model.options.padding": "SAME"}},
    description=__doc__,
    conclusion="VALID and SAME reach 0.723 and 0.719 after 100 steps, a difference within the noise of two seeds, and"
    " both are still improving towards the target. Wrong padding does not prevent this network from"
    " learning: only the table of layers reveals it.",
    seeds=2,
)
