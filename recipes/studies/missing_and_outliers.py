"""Study of missing values and outliers: a table in which a tenth of the values is missing and one in a hundred is 999,
which is no measurement, where others are between about -8 and 8. The evaluation examples contain both as well.
Winsorizing limits values to the quantiles 0.02 and 0.98; trimming removes examples with a value above the quantile
0.985.
"""

from zoo.recipe import ImputeMean, ImputeMedian, Study, Trim, Winsorize

from . import TABLE

STUDY = Study(
    title="Missing values and outliers: means, medians, winsorized, trimmed",
    base=TABLE.override({"data.source": "synthetic:ringnorm_gaps", "data.missing": ImputeMean()}),
    variants={
        "means": {},
        "medians": {"data.missing": ImputeMedian()},
        "means, winsorized": {"data.outliers": Winsorize(0.02, 0.98)},
        "medians, winsorized": {"data.missing": ImputeMedian(), "data.outliers": Winsorize(0.02, 0.98)},
        "medians, trimmed": {"data.missing": ImputeMedian(), "data.outliers": Trim(0.0, 0.985)},
    },
    description=__doc__,
    conclusion="While 999 counts as a value, the network stays near chance, at 0.54 with means and 0.63 with medians,"
    " because outliers determine the standard deviations by which features are divided. Winsorized, both"
    " reach 0.947; trimming leaves clean training examples, but evaluation keeps its outliers, with an"
    " accuracy of 0.866 and a loss of 344.",
)
