"""Tests of the comparison of a user's layer table with a network's: table formats and the first difference."""

import json
import os

import pytest
from programs import run_python

import zoo
from zoo.errors import ZooError
from zoo.inspect.comparison import TheirRow, compare, read_table


@pytest.fixture(scope="module")
def alexnet():
    return zoo.summarize("alexnet")


def theirs(summary):
    return [TheirRow(f"layer {number}", row.output_shape, row.params) for number, row in enumerate(summary.rows)]


def test_equal_networks_with_other_layer_names(alexnet):
    pairs, first = compare(alexnet, theirs(alexnet))
    assert first is None and len(pairs) == 8 and pairs[0][0].name == "conv1"
    without_pools = [row for row in theirs(alexnet) if row.params]
    assert compare(alexnet, without_pools)[1] is None


@pytest.mark.parametrize(
    "form", [lambda shape: (1, *shape), lambda shape: (shape[-1], *shape[:-1])], ids=["batch", "CHW"]
)
def test_shapes_with_other_axes(alexnet, form):
    assert compare(alexnet, [row._replace(shape=form(row.shape)) for row in theirs(alexnet)])[1] is None


def test_the_first_difference(alexnet):
    table = theirs(alexnet)
    without_groups = [
        row._replace(params=614_656) if row.shape == (27, 27, 256) and row.params else row for row in table
    ]
    assert compare(alexnet, without_groups)[1] == 1
    same_padding = [row._replace(shape=(57, 57, 96)) if row.shape == (55, 55, 96) else row for row in table]
    assert compare(alexnet, same_padding)[1] == 0
    pairs, first = compare(alexnet, table[:-1])
    assert first == 7 and pairs[7][1] is None
    pairs, first = compare(alexnet, [*table, TheirRow("softmax", (1000,), 5)])
    assert first == 8 and pairs[8][0] is None


def test_files(tmp_path):
    csv = tmp_path / "mine.csv"
    csv.write_text('name,shape,params\nc1,"(None, 55, 55, 96)","34,944"\npool,27x27x96,\n')
    assert read_table(csv) == [TheirRow("c1", (55, 55, 96), 34_944), TheirRow("pool", (27, 27, 96), 0)]
    as_json = tmp_path / "mine.json"
    as_json.write_text(json.dumps([{"name": "c1", "shape": [None, 55, 55, 96], "params": 34944}]))
    assert read_table(as_json) == [TheirRow("c1", (55, 55, 96), 34_944)]
    for name, content, message in (
        ("a.csv", "", "it is empty"),
        ("b.csv", "name,shape\nc1,55x55x96\n", "missing column params, found 'name', 'shape'"),
        ("e.csv", "a b c\n1 2 3\n", "missing columns name and shape and params, found 'a b c'"),
        ("f.csv", "name,shape,params\nc1,55x55x96,5\nc2,,6\n", "line 3: expected a name, a shape"),
        ("g.csv", "name,shape,params\nc1,55x55x96,many\n", "line 2: expected a name, a shape"),
        ("h.csv", "name,shape,params\n", "has no layers"),
        ("e.json", "null", "has no layers"),
        ("f.json", "3", "has no layers"),
        ("g.json", '"text"', "has no layers"),
        ("h.json", '{"rows": 7}', "has no layers"),
        ("i.json", "[" * 100_000, "cannot be read"),
        ("j.json", '[{"name": "c", "shape": [1e999], "params": 3}]', "layer 1: expected a name"),
        ("k.json", '[{"name": "c", "shape": [[1]], "params": 3}]', "layer 1: expected a name"),
        ("l.json", '[{"name": "c", "shape": [5], "params": ' + "9" * 10_000 + "}]", "cannot be read|layer 1"),
        ("c.json", "[{]", "cannot be read"),
        ("d.json", "[3]", "layer 1: expected a name"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(ZooError, match=message):
            read_table(tmp_path / name)
    with pytest.raises(ZooError, match="No such file"):
        read_table(tmp_path / "nothing.csv")


TABLE = 'name,shape,params\nc1,"(None, 55, 55, 96)",34944\npool,27x27x96,0\n'


@pytest.mark.parametrize(
    "text",
    [
        TABLE.replace('",', '";')
        .replace(',"', ';"')
        .replace("name,shape,", "name;shape;")
        .replace("l,27x27x96,", "l;27x27x96;"),
        "name\tshape\tparams\nc1\t(None, 55, 55, 96)\t34,944\npool\t27x27x96\t\n",
        "name|shape|params\nc1|55x55x96|34_944\npool|27x27x96|0\n",
        ',name,shape,params\n0,c1,"(None, 55, 55, 96)",34944\n1,pool,27x27x96,0\n',
        'Layer (type),Output Shape,Param #\nc1,"(None, 55, 55, 96)","34,944"\npool,"(None, 27, 27, 96)",0\n',
        "params;output_shape;NAME;macs\n34.944;55x55x96;c1;5\n0;27x27x96;pool;0\n",
        TABLE.replace("\n", "\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_other_table_formats(tmp_path, text, encoding):
    (tmp_path / "mine.csv").write_bytes(text.encode(encoding))
    assert read_table(tmp_path / "mine.csv") == [
        TheirRow("c1", (55, 55, 96), 34_944),
        TheirRow("pool", (27, 27, 96), 0),
    ]


def test_invalid_table_files(tmp_path):
    for suffix in (".csv", ".json"):
        path = tmp_path / f"mine{suffix}"
        os.mkfifo(path)
        with pytest.raises(ZooError, match="it is a pipe or a device, not a regular file"):
            read_table(path)
        path.unlink()
        with path.open("wb") as file:
            file.truncate(300 * 2**30)
        with pytest.raises(ZooError, match="is too large: 300 GiB, the limit is 16 MiB"):
            read_table(path)
    (tmp_path / "escape.json").write_text('[{"name": "\\u001b[31m", "shape": [5], "params": 3}]')
    assert read_table(tmp_path / "escape.json")[0].name == "\\x1b[31m"


@pytest.mark.slow
def test_the_programs(tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text(run_python("-m", "zoo.summarize", "--model=alexnet", "--json").stdout)
    same = run_python("-m", "zoo.summarize", "--model=alexnet", f"--compare={mine}")
    assert same.returncode == 0 and "all 8 layers with parameters agree" in same.stdout, same.stderr
    other = run_python("-m", "zoo.summarize", "--model=alexnet_owt", f"--compare={mine}")
    assert other.returncode == 1 and "differs   conv1" in other.stdout, other.stderr
    listed = run_python("-m", "zoo.models", "--filter=alexnet*", "--json")
    rows = json.loads(listed.stdout)
    assert [(row["name"], row["year"], row["params"]) for row in rows] == [
        ("alexnet", 2012, 60_965_224),
        ("alexnet_owt", 2014, 61_100_840),
    ]
    assert rows[0]["recipes"] == ["alexnet", "alexnet_imagenet", "alexnet_imagenette"]
    assert run_python("-m", "zoo.models", "--filter=transformer").returncode == 2


def test_numbers_as_written_by_other_programs(tmp_path):
    """Accepts torchinfo's dash for no parameters and pandas' 34944.0; ambiguous numbers are rejected."""
    path = tmp_path / "t.csv"
    path.write_text("name,shape,params\na,5x5x9,--\nb,5x5x9,-\nc,5x5x9,34944.0\n")
    assert [row.params for row in read_table(path)] == [0, 0, 34944]
    path.write_text("name,shape,params\na,5x5x9,-5\n")
    with pytest.raises(ZooError, match="line 2: expected a name, a shape such as 55x55x96, and params"):
        read_table(path)
    for shape in ({"height": 5}, [5.5, 5, 9], [True, 5, 9], [[5, 5, 9]], 5.5):
        path = tmp_path / "t.json"
        path.write_text(json.dumps([{"name": "a", "shape": shape, "params": 5}]))
        with pytest.raises(ZooError, match="layer 1: expected a name, a shape such as 55x55x96, and params"):
            read_table(path)
