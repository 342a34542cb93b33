"""Run folders with concurrent runs, unexpected contents or damaged files: no run is lost."""

import json
import os
import shutil
import threading

import numpy as np
import pytest
from examples import tabular

import zoo
from verification import ledger
from zoo.catalog import load_study
from zoo.errors import DamagedFile, ZooError, ZooWarning
from zoo.json_files import read_json_lines
from zoo.recipe import EarlyStopping, Transfer
from zoo.studies.runs import read_runs, run_study
from zoo.training.fit import check_history
from zoo.training.run.checkpoint import Checkpoints
from zoo.training.run.folder import RunFolder
from zoo.training.tracking import Tracker

RECIPE = tabular(budget__steps=8, budget__evaluate_every=0.5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a finished run, with checkpoints of the steps 4 and 8."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    zoo.fit(RECIPE, folder)
    return folder


@pytest.fixture
def run(whole, tmp_path):
    """A copy of the finished run, to damage."""
    return shutil.copytree(whole, tmp_path / "run")


class Notes(Tracker):
    def __init__(self):
        self.notes, self.first_step = [], None

    def begin(self, experiment, first_step):
        self.first_step = first_step

    def note(self, text):
        self.notes.append(text)


def resume(folder):
    """Resumes a run; returns its notes, the step that it resumed from, and the final loss."""
    notes = Notes()
    result = zoo.fit(RECIPE, folder, trackers=[notes])
    return notes.notes, notes.first_step, result.metrics["loss"]


def test_two_runs_that_start_at_once_in_one_folder(tmp_path):
    """One run claims the folder and the other raises; the recorded recipe is that of the first, in any interleaving."""
    datasets, barrier, outcomes = zoo.open_source("synthetic:random_10"), threading.Barrier(2), {}
    held = threading.Event()

    def start(peak):
        folder, recipe = RunFolder(tmp_path / "run"), RECIPE.override({"schedule.peak": peak})
        barrier.wait()
        try:
            with folder.claimed(recipe, 0, datasets):
                outcomes[peak] = None
                held.wait(10)
        except ZooError as error:
            outcomes[peak] = str(error)
            held.set()

    for _ in range(20):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        outcomes.clear()
        held.clear()
        threads = [threading.Thread(target=start, args=(peak,)) for peak in (0.25, 0.5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (winner,) = (peak for peak, error in outcomes.items() if error is None)
        (loser,) = outcomes.keys() - {winner}
        assert "another process is training in" in outcomes[loser]
        assert RunFolder(tmp_path / "run").read_identity()["recipe"]["schedule"]["peak"] == winner


def test_two_comparisons_at_once_in_one_folder(tmp_path):
    study = load_study("padding")
    with RunFolder(tmp_path).locked(), pytest.raises(ZooError, match="another process is training in"):
        run_study(study, tmp_path)


@pytest.mark.parametrize("lost", ["metrics.jsonl", "recipe.json"])
def test_checkpoints_of_another_recipe_are_not_used(run, lost):
    (run / lost).unlink()
    if lost == "recipe.json":
        (run / "metrics.jsonl").unlink()
    other = RECIPE.override({"schedule.peak": 0.5})
    with pytest.raises(ZooError, match="belongs to another run|has checkpoints but no recipe.json"):
        zoo.fit(other, run)
    assert (run / "statistics.npz").exists()


@pytest.mark.parametrize("name", ["curves.png", "verdict.json", "metrics.jsonl", "by_class.json", "tensorboard"])
def test_obstructing_files_are_reported_before_the_run(tmp_path, name):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).touch() if name == "tensorboard" else (folder / name).mkdir()
    with pytest.raises(ZooError, match=f"{name} is not a f[a-z]*: choose another --workdir"):
        zoo.fit(RECIPE, folder)
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_folder_whose_name_is_not_utf_8(tmp_path):
    """TensorStore cannot find its files there, so that the first checkpoint would fail."""
    with pytest.raises(ZooError, match=r"caf\\udce9 cannot be used: its name is not UTF-8"):
        zoo.fit(RECIPE, tmp_path / os.fsdecode(b"caf\xe9"))
    assert list(tmp_path.iterdir()) == []


def test_differences_to_another_run_are_truncated(run):
    with pytest.raises(ZooError, match=r"belongs to another run.*; .* and \d+ more$") as error:
        zoo.fit(zoo.load_recipe("lenet5"), run)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "file/run"], ids=["long", "zero byte", "below a file"])
def test_impossible_folder_names(tmp_path, name):
    (tmp_path / "file").touch()
    for action in (lambda path: zoo.fit(RECIPE, path), zoo.load_run):
        with pytest.raises(ZooError, match="cannot be used|is not the folder of a run") as error:
            action(tmp_path / name)
        assert str(error.value).isprintable()


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


IDENTITIES = {
    "half": lambda path: path.write_bytes(path.read_bytes()[:200]),
    "null": lambda path: path.write_text("null"),
    "list": lambda path: path.write_text("[]"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "not UTF-8": lambda path: path.write_bytes(b"\xff" + path.read_bytes()),
    "no recipe": lambda path: edit(path, recipe=None),
    "seed is a text": lambda path: edit(path, seed="0"),
    "classes are numbers": lambda path: edit(path, data={"classes": [1, 2]}),
    "counts are no lists": lambda path: edit(path, data={"classes": ["a"], "by class": {"a": 5}}),
    "unknown kind": lambda path: edit(path, recipe={"kind": "Recip"}),
    "kind is a list": lambda path: edit(path, recipe={"kind": []}),
    "one digit": lambda path: path.write_text(path.read_text().replace('"peak": 0.1', '"peak": 0.3')),
}


@pytest.mark.parametrize("damage", IDENTITIES.values(), ids=IDENTITIES)
def test_a_damaged_recipe_file_is_a_one_line_error(run, damage):
    damage(run / "recipe.json")
    for action in (zoo.load_run, lambda path: zoo.fit(RECIPE, path)):
        with pytest.raises(DamagedFile, match="recipe.json is damaged") as error:
            action(run)
        assert str(error.value).isprintable() and len(str(error.value)) < 500


def test_a_run_resumes_without_optional_files(whole, run):
    """Everything but the recipe and the checkpoints is damaged, and the final loss is bit-identical."""
    (run / "checkpoints" / "8").rename(run / "checkpoints" / "8.gone")
    (run / "environment.json").write_text("[]")
    (run / "by_class.json").write_text('{"recall": [[]], "confusion": 3}')
    (run / "corrupt.json").write_bytes(b'{"a": \xff}')
    (run / "statistics.npz").write_bytes((run / "statistics.npz").read_bytes()[:99])
    lines = (run / "metrics.jsonl").read_text().splitlines()
    lines[0], lines[2] = "null", lines[2].replace('"loss"', '"lose"')
    (run / "metrics.jsonl").write_text("\n".join(lines[:-1]) + '\n{"kind": "train", "st')
    notes, first_step, loss = resume(run)
    assert first_step == 4 and loss == zoo.fit(RECIPE, whole).metrics["loss"]
    for part in ("environment.json is damaged", "by_class.json is damaged", "corrupt.json is damaged",
                 "statistics.npz is damaged: the statistics are measured again", "2 of its lines are skipped",
                 "lacks the records of 2 steps and 0 evaluations"):  # fmt: skip
        assert sum(part in note for note in notes) == 1, (part, notes)
    assert sum("damaged" in note for note in notes) == 5, notes
    assert resume(run)[1] == 8


def test_missing_evaluations_that_a_run_depends_on():
    recipe = RECIPE.override({"early_stopping": EarlyStopping(patience=1)})
    train = [{"kind": "train", "step": step} for step in range(1, 9)]
    evaluation = {"kind": "eval", "step": 4}
    notes = []
    check_history([*train, evaluation], recipe, 8, 8, notes.append)
    check_history([*train[:4]], recipe, 4, 8, notes.append)  # the evaluation at the last step may still be pending
    assert notes == []
    with pytest.raises(DamagedFile, match="lacks the evaluation at step 4, which early_stopping depends on"):
        check_history(train, recipe, 8, 8, notes.append)
    check_history(train[1:], RECIPE, 8, 8, notes.append)
    assert notes == ["metrics.jsonl lacks the records of 1 steps and 1 evaluations"]


RECORDS = {
    "kind": {"kind": "test"},
    "kind is a list": {"kind": []},
    "step is a text": {"step": "1"},
    "step is true": {"step": True},
    "loss is null": {"loss": None},
    "loss is a list": {"loss": [1.0]},
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS)
def test_malformed_records_are_skipped(run, change):
    notes, lines = [], (run / "metrics.jsonl").read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **change})
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    records = RunFolder(run, notes.append).read_history(8)
    assert [record["step"] for record in records if record["kind"] == "train"] == [1, 3, 4, 5, 6, 7, 8]
    assert len(notes) == 1 and "metrics.jsonl is damaged: 1 of its lines are skipped" in notes[0]


def test_an_unfinished_last_line_is_not_damage(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2')
    assert read_json_lines(path, lambda content: True) == ([{"a": 1}], 0)
    path.write_bytes(b'{"a": \n{"a": 2}\n' + b"[" * 100_000 + b"\n\xff\n")
    assert read_json_lines(path, lambda content: True) == ([{"a": 2}], 3)


STATISTICS = {
    "empty": lambda path: path.write_bytes(b""),
    "pickled": lambda path: np.savez(path, mean=np.array([{}], object), scale=1.0, pca=1.0),
    "compressed": lambda path: np.savez_compressed(path, mean=np.zeros(3), scale=np.ones(3), pca=np.eye(3)),
    "other names": lambda path: np.savez(path, average=np.zeros(3)),
    "NaN": lambda path: np.savez(path, mean=np.full(10, np.nan), scale=np.ones(10), pca=np.eye(10)),
    "not an archive": lambda path: path.write_bytes(b"\x93NUMPY" * 20),
}


@pytest.mark.parametrize("damage", STATISTICS.values(), ids=STATISTICS)
def test_damaged_statistics_are_an_error_in_load_run(run, damage):
    damage(run / "statistics.npz")
    with pytest.raises(DamagedFile, match="statistics.npz is damaged"):
        zoo.load_run(run)


METRICS = {
    "half": b'{"top1": 0.',
    "null": b"null",
    "list": b"[]",
    "no number": b'{"top1": "0.5"}',
    "NaN": b'{"top1": NaN}',
    "nothing in it": b"{}",
    "not UTF-8": b"\xff",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("name", ["metrics/metrics", "_CHECKPOINT_METADATA"])
def test_damaged_metadata_of_a_checkpoint(run, name, content):
    """The state is restored if it is intact, otherwise the previous one; and the next checkpoint can be saved."""
    (run / "checkpoints" / "8" / name).write_bytes(content)
    loaded = zoo.load_run(run, lambda text: None)
    assert loaded.step == (8 if name == "metrics/metrics" else 4)
    notes = []
    checkpoints = Checkpoints(run / "checkpoints", clean_up=True)
    state = checkpoints.restore(None, notes.append)
    assert int(state["step"]) == loaded.step and notes
    checkpoints.save(9, state, {"top1": 0.5})
    checkpoints.wait()
    checkpoints.close()
    assert zoo.load_run(run).step == 4 or (run / "checkpoints" / "9").is_dir()


def test_malformed_lines_of_a_study(tmp_path):
    line = json.loads((ledger.FOLDER.parents[1] / "docs/studies/padding/runs.jsonl").read_bytes().split(b"\n")[0])
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(line) + "\n")
    assert len(read_runs(path)) == 1
    shorter = {**line["train"], "loss": line["train"]["loss"][1:]}
    for change in (
        {"seed": "0"},
        {"train": None},
        {"evaluation": {"step": [None]}},
        {"train": shorter},
        {"environment": 1},
    ):
        path.write_text(json.dumps({**line, **change}) + "\n")
        with pytest.raises(DamagedFile, match="runs.jsonl is damaged, or of another version: 1 of its lines"):
            read_runs(path)


@pytest.mark.parametrize("content", [b"null\n", b"{}\n", b'{"fingerprint": 3}\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_a_damaged_ledger(tmp_path, monkeypatch, content):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    recipe = zoo.load_recipe("mlp")
    assert ledger.read_ledger("mlp", recipe, "cpu") == []
    (tmp_path / "mlp.cpu.jsonl").write_bytes(content)
    with pytest.raises(DamagedFile, match="mlp.cpu.jsonl: 1 damaged lines; restore the file"):
        ledger.read_ledger("mlp", recipe, "cpu")


def test_a_damaged_checkpoint_is_warned_about(run):
    """`load_run` and transfer learning fall back to the previous checkpoint, with a warning."""
    (run / "checkpoints" / "8" / "_CHECKPOINT_METADATA").write_text("[]")
    for action in (lambda: zoo.load_run(run), lambda: zoo.fit(RECIPE.override({"transfer": Transfer(str(run))}))):
        with pytest.warns(ZooWarning, match="the checkpoint of step 8 is damaged, falling back to the previous one"):
            action()


@pytest.mark.parametrize("source", ["x" * 5000, "a\0b", "no/such"])
def test_missing_transfer_sources(source):
    with pytest.raises(ZooError, match="is neither a run folder nor a weight file"):
        zoo.fit(RECIPE.override({"transfer": Transfer(source)}))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["recipe.json", "metrics.jsonl", "statistics.npz", "by_class.json"])
def test_named_pipes_do_not_block(run, name):
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(ZooError, match=f"{name} is not a file: choose another --workdir"):
        zoo.fit(RECIPE, run)
    if name in ("recipe.json", "statistics.npz"):
        with pytest.raises(ZooError, match="is not the folder of a run|statistics.npz is damaged"):
            zoo.load_run(run)


def test_a_folder_in_place_of_the_cross_validation_summary(tmp_path):
    (tmp_path / "cross_validation.json").mkdir()
    with pytest.raises(ZooError, match="cross_validation.json is a folder, expected a file"):
        zoo.cross_validate(RECIPE, 2, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_among_the_checkpoints(run):
    (run / "checkpoints" / "99").write_text("")
    notes, first_step, _ = resume(run)
    assert first_step == 8 and any("the checkpoint of step 99 is damaged" in note for note in notes)
