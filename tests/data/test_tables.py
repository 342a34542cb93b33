"""Tests of tables of features in CSV files, and of synthetic data sets."""

import numpy as np
import pytest

import zoo
from zoo.data.sources.synthetic import SETS
from zoo.errors import ZooError


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return f"csv:{path}"


@pytest.fixture
def flowers(tmp_path):
    """Returns a folder of two tables with numbers, a category and a class."""
    write(
        tmp_path / "train.csv",
        "petal, colour,kind,height",
        "1.5,red,tulip,10",
        '2,"blue",iris,20',
        "",
        ",red,tulip,-3e1",
        "4,NA,iris,40",
    )
    write(tmp_path / "test.csv", "petal,colour,kind,height", "7,blue,iris,?")
    return tmp_path


def test_columns_become_features_and_classes(flowers):
    dataset = zoo.open_source(f"csv:{flowers}", "kind")
    assert dataset.class_names == ("iris", "tulip")
    assert dataset.feature_names == ("petal", "colour=blue", "colour=red", "height") and dataset.channels == 4
    nan = np.nan
    expected = np.array([[1.5, 0, 1, 10], [2, 1, 0, 20], [nan, 0, 1, -30], [4, nan, nan, 40]], np.float32)
    assert dataset.train.images.shape == (4, 1, 1, 4) and dataset.train.images.dtype == np.float32
    np.testing.assert_array_equal(dataset.train.images[:, 0, 0], expected)
    np.testing.assert_array_equal(dataset.train.labels, [1, 0, 1, 0])
    assert dataset.train.labels.dtype == np.int32
    np.testing.assert_array_equal(dataset.eval.images[0, 0, 0], [7, 1, 0, nan])
    assert dataset.train.describe(2) == f"{flowers / 'train.csv'}, line 5"


def test_last_column_is_the_class_and_numbers_are_sorted(tmp_path):
    lines = [f"{number},{number % 11}" for number in range(110)]
    dataset = zoo.open_source(write(tmp_path / "all.csv", "x,y", *lines))
    assert dataset.class_names == tuple(map(str, range(11)))
    for split in (dataset.train, dataset.eval):
        np.testing.assert_array_equal(split.labels, split.images[:, 0, 0, 0] % 11)


def test_single_file_is_split_by_class_without_dividing_equal_lines(tmp_path):
    random = np.random.default_rng(0)
    rows = [
        f"{random.integers(300)},{kind}" for kind, count in (("a", 2000), ("b", 400), ("c", 2)) for _ in range(count)
    ]
    dataset = zoo.open_source(write(tmp_path / "all.csv", "x,kind", *rows))
    values = [
        {(*split.images[i, 0, 0], split.labels[i]) for i in range(len(split))}
        for split in (dataset.train, dataset.eval)
    ]
    assert not values[0] & values[1] and len(dataset.train) + len(dataset.eval) == len(rows)
    fractions = np.bincount(dataset.eval.labels) / (
        np.bincount(dataset.train.labels) + np.bincount(dataset.eval.labels)
    )
    # About 300 and 220 distinct lines, each held out with probability 0.2: five standard deviations, false-alarm
    # rate 1e-6.
    assert np.all(np.abs(fractions[:2] - 0.2) < 5 * 0.4 / 200**0.5) and fractions[2] == 0.5
    longer = zoo.open_source(write(tmp_path / "more.csv", "x,kind", *rows, "1000,a", "1001,b"))
    assert set(map(float, dataset.eval.images.ravel())) - set(map(float, longer.eval.images.ravel())) == set()


@pytest.mark.parametrize(
    ("lines", "message"),
    {
        ("a,b", "1,2,3"): "line 2 has 3 cells, but the header has 2 columns",
        ("a,b,y", "1,x,0", "2,3,1"): "line 2, column 'b': 'x' is not a number, unlike in other lines",
        ("a,b,y", "1,inf,0", "2,3,1"): "line 2, column 'b': inf is not finite in float32",
        ("a,b,y", "1,1e39,0", "2,3,1"): "line 2, column 'b': 1e39 is not finite in float32",
        ("1,2", "3,4"): "the first line must be a header",
        ("a,a", "3,4"): "the first line must be a header of distinct names",
        ("a,y",): "no rows below the header",
        ("y", "1"): "has only one column",
        ("a,y", "1,0", "2,"): "line 3: the class is missing in column 'y'",
        ("a,y", "1,0", "2,0"): "needs at least two classes",
        ("a,y", '1,"0', "2,1"): "line 3 cannot be read: unexpected end of data",
    }.items(),
)
def test_errors_about_tables_have_their_location(tmp_path, lines, message):
    with pytest.raises(ZooError) as error:
        zoo.open_source(write(tmp_path / "t.csv", *lines))
    assert message in str(error.value) and "t.csv" in str(error.value) and "\n" not in str(error.value)


def test_missing_and_inconsistent_tables(tmp_path, flowers):
    with pytest.raises(ZooError, match="nothing.csv cannot be read: No such file"):
        zoo.open_source(f"csv:{tmp_path / 'nothing.csv'}")
    with pytest.raises(ZooError, match="unknown column of csv:.* 'knd': did you mean 'kind'"):
        zoo.open_source(f"csv:{flowers}", "knd")
    write(flowers / "test.csv", "petal,colour,kind,height", "7,green,iris,1")
    with pytest.raises(
        ZooError, match="test.csv, line 2, column 'colour': 'green' is not one of the values in the training split"
    ):
        zoo.open_source(f"csv:{flowers}", "kind")
    write(flowers / "test.csv", "petal,colour,kind,height", "7,red,rose,1")
    with pytest.raises(ZooError, match="test.csv, line 2, column 'kind': class 'rose' is not in the training split"):
        zoo.open_source(f"csv:{flowers}", "kind")
    write(flowers / "test.csv", "petal,kind", "7,rose")
    with pytest.raises(ZooError, match="test.csv has other columns than .*train.csv: missing 'colour', 'height'"):
        zoo.open_source(f"csv:{flowers}", "kind")
    (flowers / "test.csv").unlink()
    with pytest.raises(ZooError, match="expected train.csv and one of val, valid, validation, test.csv in the folder"):
        zoo.open_source(f"csv:{flowers}", "kind")


@pytest.mark.parametrize("features", [20, 10])
def test_random_data_sets_match_the_article(features):
    model_selection = pytest.importorskip("sklearn.model_selection")
    random = np.random.RandomState(42)  # the generator seeded by np.random.seed(42)
    x = random.rand(1000, features).astype(np.float32)
    y = random.randint(0, 2, size=1000).astype(np.int32)
    x_train, x_test, y_train, y_test = model_selection.train_test_split(x, y, test_size=0.2, random_state=42)
    dataset = zoo.open_source(f"synthetic:random_{features}")
    for split, rows, labels in ((dataset.train, x_train, y_train), (dataset.eval, x_test, y_test)):
        np.testing.assert_array_equal(split.images[:, 0, 0], rows)
        np.testing.assert_array_equal(split.labels, labels)


def test_scales_matches_the_article():
    dataset = zoo.open_source("synthetic:scales")
    rows = [[1000, 0.01], [2000, 0.02], [3000, 0.03], [4000, 0.04], [5000, 0.05]]
    for split in (dataset.train, dataset.eval):
        np.testing.assert_array_equal(split.images[:, 0, 0], np.array(rows, np.float32))
        np.testing.assert_array_equal(split.labels, [0, 0, 1, 1, 1])


@pytest.mark.parametrize("name", SETS)
def test_synthetic_sets(name):
    pytest.importorskip("sklearn")
    dataset, again = (zoo.open_source(f"synthetic:{name}") for _ in range(2))
    np.testing.assert_array_equal(dataset.train.images, again.train.images)
    if name != "scales":
        assert len(dataset.train) == 4 * len(dataset.eval)
        assert not {row.tobytes() for row in dataset.train.images} & {row.tobytes() for row in dataset.eval.images}
    fraction = np.concatenate([dataset.train.labels, dataset.eval.labels]).mean()
    assert fraction == pytest.approx(
        {"imbalanced": 0.01, "scales": 0.6}.get(name, 0.5), abs=0.002 if name == "imbalanced" else 0.05
    )


def test_ringnorm_matches_breiman():
    dataset = zoo.open_source("synthetic:ringnorm")
    values = np.concatenate([split.images[:, 0, 0] for split in (dataset.train, dataset.eval)]).astype(np.float64)
    labels = np.concatenate([dataset.train.labels, dataset.eval.labels])
    assert values.shape == (5000, 20)
    for label, mean, std in ((0, 0.0, 2.0), (1, 2 / 20**0.5, 1.0)):
        of_class = values[labels == label]
        # About 2,500 x 20 numbers: five standard errors of their mean and standard deviation.
        assert of_class.mean() == pytest.approx(mean, abs=5 * std / of_class.size**0.5)
        assert of_class.std() == pytest.approx(std, abs=5 * std / (2 * of_class.size) ** 0.5)
        assert np.abs(np.corrcoef(of_class.T) - np.eye(20)).max() < 5 / len(of_class) ** 0.5
    # The Bayes classifier compares the two densities; according to Breiman, its error rate is 1.3 %.
    ratio = 20 * np.log(2) - 0.5 * np.square(values - 2 / 20**0.5).sum(1) + 0.125 * np.square(values).sum(1)
    assert ((ratio > 0) == labels).mean() == pytest.approx(0.987, abs=5 * (0.987 * 0.013 / 5000) ** 0.5)


def test_noisy_labels_are_in_training_only():
    clean, noisy = (zoo.open_source(f"synthetic:{name}") for name in ("ringnorm", "ringnorm_noisy"))
    np.testing.assert_array_equal(noisy.eval.labels, clean.eval.labels)
    np.testing.assert_array_equal(noisy.train.images, clean.train.images)
    assert (noisy.train.labels != clean.train.labels).mean() == pytest.approx(0.3, abs=5 * (0.21 / 4000) ** 0.5)


def test_missing_values_and_outliers_are_in_both_splits():
    clean, broken = (zoo.open_source(f"synthetic:{name}") for name in ("ringnorm", "ringnorm_gaps"))
    for before, after in ((clean.train, broken.train), (clean.eval, broken.eval)):
        np.testing.assert_array_equal(after.labels, before.labels)
        missing, outliers = np.isnan(after.images), after.images == 999
        assert missing.mean() == pytest.approx(0.1, abs=5 * (0.09 / missing.size) ** 0.5)
        assert outliers.mean() == pytest.approx(0.01, abs=5 * (0.0099 / outliers.size) ** 0.5)
        np.testing.assert_array_equal(after.images[~(missing | outliers)], before.images[~(missing | outliers)])


def test_unknown_synthetic_set():
    with pytest.raises(ZooError, match="unknown synthetic data set 'moon': did you mean 'moons'"):
        zoo.open_source("synthetic:moon")
