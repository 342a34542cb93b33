"""LeNet-5 on unbalanced classes, with class weights, a validation split and early stopping."""

from zoo.catalog import load_recipe
from zoo.recipe import ClassWeights, EarlyStopping

RECIPE = load_recipe("lenet5").override(
    {
        "data.keep": {"Shirt": 0.2, "Coat": 0.5},
        "data.validation": 1 / 12,
        "imbalance": ClassWeights(),
        "early_stopping": EarlyStopping("loss", patience=2),
        "budget.evaluate_every": 0.1,
        "target": None,
    }
)
