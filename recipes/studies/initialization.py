"""AlexNet, narrow, from He initialization, and from the paper's own: Gaussian with deviation 0.01, and biases of one in
conv2, conv4, conv5, fc6 and fc7. Also from an orthogonal one.
"""

from recipes.studies import ALEXNET
from zoo.recipe import Constant, Initialization, Normal, Orthogonal, Study

STUDY = Study(
    title="Initialization: He, orthogonal, or Gaussian with deviation 0.01",
    base=ALEXNET,
    variants={
        "He": {},
        "orthogonal, scale sqrt 2": {"initialization.kernel": Orthogonal(scale=2**0.5)},
        "deviation 0.01, biases 0": {"initialization": Initialization(kernel=Normal(0.01), bias=Constant(0.0))},
        "the paper's": {"initialization": Initialization()},
    },
    description=__doc__,
)
