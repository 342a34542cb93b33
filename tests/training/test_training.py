"""The training loop in one process: records, run folders, resuming and errors."""

import functools
import json
import signal
import time
import warnings

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zoo
from zoo.data.pipeline import Corrupt
from zoo.errors import ZooError, ZooWarning
from zoo.recipe import *
from zoo.training.execution import Execution
from zoo.training.interruption import SkippedImages
from zoo.training.prepare import prepare
from zoo.training.run.folder import RunFolder
from zoo.training.step.forward import dropout_by_position
from zoo.training.throughput import Waits
from zoo.training.tracking import Tracker


class Listener(Tracker):
    """Records all events."""

    def __init__(self):
        self.events = []

    def begin(self, experiment, first_step):
        self.events.append(("begin", first_step))

    def train(self, record):
        self.events.append(("train", record["step"]))

    def evaluation(self, record):
        self.events.append(("eval", record["step"], record["examples"]))

    def note(self, text):
        self.events.append(("note", text))

    def end(self, verdict):
        self.events.append(("end", verdict.converged))

    def close(self):
        self.events.append(("close",))


@pytest.fixture(scope="module")
def run(recipe, dataset, tmp_path_factory):
    """A finished run: (folder, result, events of a tracker)."""
    folder, listener = tmp_path_factory.mktemp("runs") / "run", Listener()
    return folder, zoo.fit(recipe, folder, dataset=dataset, trackers=[listener]), listener.events


def test_events_of_trackers(run):
    events = [event for event in run[2] if event[0] != "note"]  # a busy machine causes a note about the input pipeline
    steps = [("begin", 0)]
    for step in range(1, 13):
        steps.append(("train", step))
        if step % 3 == 0:
            steps.append(("eval", step, 64 if step < 12 else 200))
    assert events == [*steps, ("end", run[1].verdict.converged), ("close",)]


def test_files_of_a_run(run, recipe):
    folder, result, _ = run
    assert {path.name for path in folder.iterdir()} == {
        "recipe.json", "environment.json", "statistics.npz", "metrics.jsonl", "tensorboard", "checkpoints",
        "verdict.json", "curves.png", "data.json", "by_class.json", "confusion.png", "mistakes.json",
        "report.html", ".lock",
    }  # fmt: skip
    saved = json.loads((folder / "recipe.json").read_text())
    assert (
        Recipe.from_json(saved["recipe"]) == recipe
        and saved["fingerprint"] == recipe.fingerprint
        and saved["seed"] == 0
    )
    assert json.loads((folder / "environment.json").read_text())["versions"]["jax"] == jax.__version__
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert records == result.history
    assert json.loads((folder / "verdict.json").read_text()) == vars(result.verdict)
    assert len(list((folder / "tensorboard").iterdir())) == 1
    assert (folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    kept = {int(path.name) for path in (folder / "checkpoints").iterdir()}
    evaluations = {record["step"]: record["top1"] for record in records if record["kind"] == "eval"}
    best = max(evaluations, key=lambda step: (evaluations[step], step))
    assert kept - {best} <= {9, 12} and {9, 12} <= kept and any(evaluations[step] == evaluations[best] for step in kept)


def test_training_records(run, recipe):
    train = [record for record in run[1].history if record["kind"] == "train"]
    assert [record["step"] for record in train] == list(range(1, 13))
    assert all(np.isfinite([record["loss"], record["grad_norm"]]).all() for record in train)
    assert train[0]["loss"] == pytest.approx(np.log(10), rel=0.1)
    assert train[-1]["learning_rate"] < train[1]["learning_rate"] <= recipe.schedule.peak


def test_a_finished_run_is_loaded(run, recipe, dataset):
    listener = Listener()
    again = zoo.fit(recipe, run[0], dataset=dataset, trackers=[listener])
    assert again.verdict == run[1].verdict and again.history == run[1].history
    assert [event[0] for event in listener.events] == ["begin", "end", "close"]
    for ours, theirs in zip(jax.tree.leaves(again.variables), jax.tree.leaves(run[1].variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_recipe_in_the_same_folder_is_an_error_with_the_difference(run, recipe, dataset):
    with pytest.raises(ZooError) as error:
        zoo.fit(recipe.override({"schedule.peak": 0.5}), run[0], seed=7, dataset=dataset)
    assert "schedule.peak: 0.5, 0.01; seed: 7, 0" in str(error.value) and "\n" not in str(error.value)


def test_a_run_without_steps_does_not_occupy_its_folder(tmp_path, recipe, dataset):
    RunFolder(tmp_path / "run").claim(recipe, 0, dataset)
    RunFolder(tmp_path / "run").claim(recipe.override({"schedule.peak": 0.5}), 0, dataset)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(ZooError, match="other is not the folder of a run, it contains thesis.tex"):
        RunFolder(tmp_path / "other").claim(recipe, 0, dataset)
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="cannot be used"):
        RunFolder(tmp_path / "file").claim(recipe, 0, dataset)


def test_a_folder_is_for_one_process_at_a_time(tmp_path, recipe, dataset):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    with folder.locked(), pytest.raises(ZooError, match="another process is training in .*run: wait for it, or choose"):
        zoo.fit(recipe, folder.path, dataset=dataset)


def test_load_run_does_not_remove_unfinished_checkpoints(run):
    folder, result, _ = run
    unfinished = folder / "checkpoints" / "99.orbax-checkpoint-tmp"
    unfinished.mkdir()
    loaded = zoo.load_run(folder)
    assert unfinished.exists() and loaded.step == 12 and len(loaded.class_names) == 10
    unfinished.rmdir()
    for ours, theirs in zip(jax.tree.leaves(loaded.variables), jax.tree.leaves(result.variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_signal_too_late_to_stop_a_run_is_raised_again(tmp_path, recipe, dataset, request):
    """Otherwise, a series of runs would continue after a Ctrl-C at the end of one of them."""

    class AtTheEnd(Tracker):
        def end(self, verdict):
            signal.raise_signal(signal.SIGINT)

    request.addfinalizer(functools.partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of pytest-xdist ignores it
    with pytest.raises(KeyboardInterrupt):
        zoo.fit(recipe, tmp_path / "run", dataset=dataset, trackers=[AtTheEnd()])
    assert (tmp_path / "run" / "verdict.json").exists()

    class DuringAnError(Tracker):
        def train(self, record):
            signal.raise_signal(signal.SIGINT)
            raise ValueError("enough")

    with pytest.raises(KeyboardInterrupt):
        zoo.fit(recipe, dataset=dataset, trackers=[DuringAnError()])


def test_a_resumed_run_continues_the_count_of_corrupt_images(tmp_path, recipe, dataset):
    folder = RunFolder(tmp_path)
    data = Data("folder:x", corrupt_limit=2)
    first = SkippedImages(data, 100, folder)
    first(Corrupt("a.jpg", "cut short"))
    first(Corrupt("b.jpg", "cut short"))
    again = SkippedImages(data, 100, folder)
    again(Corrupt("a.jpg", "cut short"))  # counted before
    with pytest.raises(ZooError, match="3 images cannot be decoded, and data.corrupt_limit is 2: a.jpg .*c.jpg"):
        again(Corrupt("c.jpg", "no image"))
    assert sorted(folder.read_corrupt()) == ["a.jpg", "b.jpg", "c.jpg"]


def test_limits_of_corrupt_images():
    skipped = SkippedImages(Data("folder:x", corrupt_fraction=0.1), 20, None)
    assert skipped.summary() is None
    skipped(Corrupt("a.jpg", "cut short"))
    skipped(Corrupt("b.jpg", "cut short"))
    assert skipped.summary() == (
        "2 images that cannot be decoded were skipped, of 20: a.jpg (cut short); b.jpg (cut short)"
    )
    with pytest.raises(ZooError, match="3 images cannot be decoded, and data.corrupt_fraction is 0.1 of 20: a.jpg"):
        skipped(Corrupt("c.jpg", "no image"))
    SkippedImages(Data("folder:x"), 5, None)(Corrupt("a.jpg", "cut short"))  # one is always allowed


@pytest.mark.parametrize(
    "dropout",
    [
        lambda x, train: nn.Dropout(0.5, deterministic=not train)(x),
        lambda x, train: nn.Dropout(0.5)(x, deterministic=not train),
        lambda x, train: nn.Dropout(0.5)(x, not train),
        lambda x, train: nn.Dropout(0.5)(inputs=x, deterministic=not train),
    ],
    ids=["field", "keyword", "positional", "all keywords"],
)
def test_dropout_masks_depend_on_the_position_for_every_way_to_call_it(dropout):
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return dropout(x, train)

    def masks(positions, train=True):
        positions = jnp.asarray(positions)
        with nn.intercept_methods(dropout_by_position(positions)):
            return np.asarray(
                Net().apply({}, jnp.ones((len(positions), 200)), train, rngs={"dropout": jax.random.key(0)})
            )

    whole = masks(range(6))
    np.testing.assert_array_equal(whole[[4, 1]], masks([4, 1]))
    assert set(np.unique(whole)) == {0, 2} and len({row.tobytes() for row in whole}) == 6
    assert abs((whole > 0).mean() - 0.5) < 4 * 0.5 / 1200**0.5
    assert (masks(range(6), train=False) == 1).all()


def test_the_seed_determines_the_run(run, recipe, dataset):
    same = zoo.fit(recipe, dataset=dataset)
    other = zoo.fit(recipe, seed=1, dataset=dataset)
    without_timings = [{**record, "images_per_second": 0, "seconds": 0} for record in run[1].history]
    assert [{**record, "images_per_second": 0, "seconds": 0} for record in same.history] == without_timings
    assert other.history[0]["loss"] != same.history[0]["loss"]
    with pytest.raises(ZooError, match="fit: seed must be from 0 to 2.32 - 1, not -1"):
        zoo.fit(recipe, seed=-1)


def test_evaluate_matches_the_run(run, recipe, dataset):
    metrics = zoo.evaluate(recipe, run[1].variables, dataset, statistics=run[1].statistics)
    assert metrics == {name: run[1].metrics[name] for name in metrics}
    predicted, expected = metrics["top1"], run[1].metrics["top1"]
    assert predicted == expected and metrics["examples"] == 200


def test_custom_network(dataset, recipe):
    class Custom(nn.Module):
        @nn.compact
        def __call__(self, images, train=False):
            x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(images)
            return nn.Dense(10)(x.mean((1, 2)))

    result = zoo.fit(recipe.override({"initialization": Initialization()}), model=Custom(), dataset=dataset)
    running = result.variables["batch_stats"]["BatchNorm_0"]
    assert float(jnp.abs(running["mean"]).max()) > 0 and len(result.history) == 12 + 4


def test_streamed_and_resident_images_train(recipe, image_folder):
    resident = recipe.override({"augmentation.train": (Resize(32), HorizontalFlip(), Normalize())})
    streamed = recipe.override({"augmentation.train": (RandomResizedCrop(32), HorizontalFlip(), Normalize())})
    for one in (resident, streamed):
        result = zoo.fit(one, dataset=zoo.open_source(f"folder:{image_folder}"))
        assert result.metrics["examples"] == 12 and len(result.history) == 12 + 4


def test_too_many_corrupt_images_end_the_run(recipe, image_folder, tmp_path):
    import shutil

    shutil.copytree(image_folder, tmp_path / "images")
    victims = [
        tmp_path / "images" / "train" / "red" / f"{number:02}.{suffix}"
        for number, suffix in ((0, "jpg"), (1, "png"), (2, "webp"))
    ]
    for victim in victims:
        victim.write_bytes(b"not an image")
    dataset = zoo.open_source(f"folder:{tmp_path / 'images'}")
    result = zoo.fit(recipe, tmp_path / "fine", dataset=dataset)
    listed = json.loads((tmp_path / "fine" / "corrupt.json").read_text())
    assert sorted(listed) == sorted(map(str, victims)) and len(result.history) == 12 + 4
    with pytest.raises(ZooError) as error:
        zoo.fit(recipe.override({"data.corrupt_limit": 2}), tmp_path / "strict", dataset=dataset)
    assert "3 images cannot be decoded, and data.corrupt_limit is 2" in str(error.value)
    assert all(str(victim) in str(error.value) for victim in victims)
    assert len(json.loads((tmp_path / "strict" / "corrupt.json").read_text())) == 3
    with pytest.raises(ZooError, match="3 images cannot be decoded"):
        prepare(recipe.override({"data.corrupt_limit": 2}), dataset)


def test_no_warnings(recipe, dataset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ZooWarning)  # such as about an untested version of jaxlib
        zoo.fit(recipe, dataset=dataset)


def test_advice_about_a_slow_input_pipeline():
    class Ready:
        def __init__(self, ready):
            self.is_ready = lambda: ready

    def slow(count):
        for number in range(count):
            time.sleep(0.002)
            yield number

    for ready, batches, starved in ((True, slow(9), True), (False, slow(9), False), (True, iter(range(9)), False)):
        waits = Waits()
        for _ in range(9):
            waits.next(batches, 1, [Execution(range(1, 2), {"loss": Ready(ready)}, None, False)])
        streamed, resident = (waits.advice("images", resident=kept) for kept in (False, True))
        assert bool(streamed) == bool(resident) == starved
        assert not starved or "before 100% of the steps the device waited for images; --workers=N" in streamed
        # Resident images are not decoded during training.
        assert not starved or ("files" not in resident and "--steps_per_execution=N" in resident)
