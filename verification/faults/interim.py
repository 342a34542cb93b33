"""Mistakes in evaluations during a run and in the final one: at which steps, of which split, of which examples."""

import numpy as np

import zoo.training.loop
from verification.faults.applies import evaluates_fewer_at_first, lacks, plateau, stops_early, validated
from verification.faults.fault import fault
from verification.faults.patching import replaced
from zoo.recipe.budget import Budget


def _decided(recipe):
    """Whether evaluations decide about training: early stopping or a plateau."""
    return stops_early(recipe) or plateau(recipe)


@fault(
    "Evaluations during the run are at other steps: half as many, or each a step early.",
    strengths=("half", "early"),
    matters="early",
    applies=lacks(_decided),
    bases=("mlp", "lenet5"),
)
def evaluations_at_other_steps(kind):
    def make(right):
        def wrong(self, total_steps):
            *interim, last = right(self, total_steps)
            changed = interim[1::2] if kind == "half" else [max(each - 1, 1) for each in interim]
            return sorted({*changed, last})

        return wrong

    return replaced(Budget, "evaluation_steps", make)


@fault(
    "Evaluations during the run are of the first examples, or of others each time, not of evenly spaced ones.",
    strengths=("others", "first"),
    matters="first",
    applies=evaluates_fewer_at_first,
    bases=("lenet5", "bn_cnn"),
)
def interim_examples(which):
    def make(right):
        random = np.random.default_rng(0)

        def wrong(examples, count):
            count = min(count, examples)
            if which == "first":
                return np.arange(count)
            return np.sort(random.choice(examples, count, replace=False))

        return wrong

    return replaced(zoo.training.loop, "sample_indices", make)


@fault("The final evaluation is of the examples of interim evaluations only.", applies=evaluates_fewer_at_first)
def final_evaluation_of_interim_examples():
    def make(right):
        def wrong(self, *arguments):
            evaluate = right(self, *arguments)
            return lambda variables, step, all_examples: evaluate(variables, step, False)

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluator", make)


@fault(
    "Evaluations during the run are on the evaluation split although there is a validation split.", applies=validated
)
def validation_on_evaluation_split():
    def make(right):
        def wrong(self, kind, pipeline, eval_step):
            return right(self, kind, self.experiment.eval_pipeline, self.experiment.eval_step)

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluator", make)


@fault(
    "The final evaluation is on the validation split.",
    applies=validated,
    bases=("bn_cnn", "verification.faults.bases.weighted"),
)
def final_evaluation_on_validation_split():
    def make(right):
        def wrong(self, kind, pipeline, eval_step):
            experiment = self.experiment
            if kind == "eval" and experiment.validation_pipeline is not None:
                pipeline, eval_step = experiment.validation_pipeline, experiment.validation_step
            return right(self, kind, pipeline, eval_step)

        return wrong

    return replaced(zoo.training.loop.Loop, "evaluator", make)
