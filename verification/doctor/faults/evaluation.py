"""Faults of evaluation and of augmentation."""

import dataclasses

import numpy as np

from verification.doctor.case import Fault
from verification.doctor.faults.labels import carried
from zoo.doctor.adapters.recipe_program import RecipeProgram
from zoo.recipe import Augmentation, Normalize, RandomErasing, RandomRotation, RandomZoom, VerticalFlip


class Stale(RecipeProgram):
    """Evaluates the initial parameters."""

    def predict(self, state, images):
        return super().predict(self.init(0), images)

    def variant(self, **changes):
        return carried(self, changes)


class RandomEvaluation(RecipeProgram):
    """Evaluates images with noise, as if augmentation were left on."""

    def predict(self, state, images):
        noise = np.random.default_rng().integers(-60, 60, np.shape(images))
        return super().predict(state, np.clip(np.asarray(images, np.int64) + noise, 0, 255).astype(np.uint8))

    def variant(self, **changes):
        return carried(self, changes)


class OneKey(RecipeProgram):
    """Augments each image in the same way in all steps."""

    def inputs(self, images, *, train, seed):
        return super().inputs(images, train=train, seed=0)

    def step(self, state, images, labels):
        new, loss = super().step(state.replace(step=state.step * 0), images, labels)
        return new.replace(step=state.step + 1), loss

    def variant(self, **changes):
        return carried(self, changes)


def _program(subject, kind):
    return dataclasses.replace(subject, program=kind)


def _augmented(subject, *transforms):
    before = tuple(each for each in subject.recipe.augmentation.eval if not isinstance(each, Normalize))
    train = (*before, *transforms, Normalize())
    return subject.override({"augmentation": Augmentation(train=train, eval=subject.recipe.augmentation.eval)})


def _strong(subject, kind):
    transforms = {
        "rotation": (RandomRotation(180), VerticalFlip(), RandomZoom(0.8)),
        "erasing": (RandomErasing(probability=1.0, min_area=0.7, max_area=0.9),),
    }
    return _augmented(subject, *transforms[kind])


def _one_key(subject, kind):
    return dataclasses.replace(_augmented(subject, RandomRotation(15)), program=kind)


FAULTS = (
    Fault("stale parameters", ("evaluation_parameters",), _program, (Stale,), ("lenet5", "mlp")),
    Fault("random evaluation", ("augmentation_on_evaluation",), _program, (RandomEvaluation,), ("lenet5", "bn_cnn")),
    Fault("strong augmentation", ("augmentation_too_strong",), _strong, ("rotation", "erasing"), ("lenet5", "bn_cnn")),
    Fault("one key", ("augmentation_key_reused",), _one_key, (OneKey,), ("lenet5", "bn_cnn"), harmful=False),
)
