"""LeNet-5 with colour and geometric augmentation, mixup, smoothed labels, clipping and accumulated gradients."""

from zoo.catalog import load_recipe
from zoo.recipe import SGD, Brightness, ClipByNorm, HorizontalFlip, Mixup, Normalize, RandomShift, Resize

RECIPE = load_recipe("lenet5").override(
    {
        "augmentation.train": (Resize(32), HorizontalFlip(), RandomShift(0.1), Brightness(0.3), Normalize()),
        "augmentation.mixing": Mixup(0.2),
        "regularization.label_smoothing": 0.1,
        "regularization.weight_decay": 1e-4,
        "regularization.decayed": ("*kernel",),
        "optimizer": SGD(momentum=0.9, nesterov=True),
        "clipping": ClipByNorm(1.0),
        "budget.accumulation": 2,
        "target": None,
    }
)
