"""Tests of the generated pages of networks, recipes and public names, and of the site as a whole."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from pictures import torchvision
from programs import ROOT

import zoo
from verification.facts import load_facts
from verification.publish import api, deviations, site
from verification.publish.docstring import to_markdown
from verification.publish.markdown import escape, for_site, table
from verification.publish.networks import page_of_network, recipes_by_network
from verification.publish.recipes import page_of_recipe
from zoo.models.registry import find_entry

KNOWN = deviations.read_deviations()


def page_of(name):
    return page_of_network(name, recipes_by_network().get(name, []), KNOWN[name])


def test_every_network_has_measured_deviations_within_the_tolerance():
    assert list(KNOWN) == zoo.list_models()
    assert all(0 < line["logits"] < 1e-4 and 0 < line["activations"] < 1e-4 for line in KNOWN.values())
    with_keras = [name for name in zoo.list_models() if "keras" in find_entry(name).layouts]
    assert [name for name, line in KNOWN.items() if "keras" in line] == with_keras


def test_deviations_are_those_of_the_checks():
    measured = deviations.measure("lenet5")
    assert measured["layers"] == KNOWN["lenet5"]["layers"]
    assert measured["logits"] == pytest.approx(KNOWN["lenet5"]["logits"], rel=2)  # rounding differs between processors


def test_a_page_of_a_network_has_all_layers_sources_and_recipes():
    page, facts = page_of("resnet18"), load_facts("resnet18")
    assert "| parameters | 11,689,512 |" in page and "| multiply-adds of an image | 1,814,073,344 |" in page
    assert all(source["name"] in page for source in facts["sources"])
    assert all(f"| `{row[0]}` | {row[1]} |" in page for row in facts["layers"])
    assert "](../recipes/resnet18_cifar10.md)" in page and f"{KNOWN['resnet18']['logits']:.1e}" in page


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("alexnet_owt", 'torchvision.models.get_model("alexnet", weights="DEFAULT")'),
        ("alexnet", 'zoo.import_weights("alexnet", "alexnet.safetensors", layout="torch")'),
        ("mobilenet_v1", 'timm.create_model("mobilenetv1_100", pretrained=True, pad_type="same"'),
        ("xception", 'zoo.create_model("xception", epsilon=0.001, pool_padding="SAME")'),
    ],
)
def test_a_page_says_how_to_load_weights(name, wanted):
    assert wanted in page_of(name)


def test_blocks_of_all_networks_can_be_parsed_and_their_options_exist():
    for name in zoo.list_models():
        blocks = re.findall(r"```python\n(.*?)```", page_of(name), re.DOTALL)
        assert len(blocks) == 1 + len(find_entry(name).layouts)
        for block in blocks:
            compile(block, name, "exec")
            for made in re.findall(r"zoo\.create_model\(.*?\)(?=[,\n])", block):
                eval(made, {"zoo": zoo})


@pytest.mark.slow
def test_blocks_for_torch_weights_load_the_network_without_its_trained_weights():
    torchvision("functional")  # skips without it, and declares the operators that a PyTorch for CPUs lacks
    for name in ("squeezenet1_1", "alexnet_owt"):
        (block,) = (text for text in re.findall(r"```python\n(.*?)```", page_of(name), re.DOTALL) if "theirs" in text)
        names = {}
        exec(block.replace('weights="DEFAULT"', "weights=None"), names)
        assert names["variables"]["params"]


def test_a_page_of_a_recipe_has_its_results_and_the_source_of_each_field():
    page, recipe = page_of_recipe("alexnet"), zoo.load_recipe("alexnet")
    assert "8, of which 8 converged" in page and "| final top1 | 0.7841 | 0.0058 | 0.759 to 0.810 |" in page
    assert f"| `schedule.peak` | `0.01` | {recipe.source_of('schedule.peak')} |" in page
    assert (
        "| Paper | Krizhevsky, Sutskever, Hinton 2012" in page and "```sh\npython -m zoo.train --recipe=alexnet" in page
    )
    (picture,) = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert (
        "currentColor" in picture and "#010203" not in picture and "http" not in re.sub(r'xmlns\S*="\S+"', "", picture)
    )


def test_recipes_without_whole_runs_say_so():
    assert re.search(r"The first 12 steps were run with 5 seeds.*<svg", page_of_recipe("alexnet_imagenette"), re.DOTALL)
    assert "There are no reference runs of this recipe" in page_of_recipe("vgg16_imagenet")


def test_the_reference_has_all_public_names():
    parts = api.page_of_parts()
    assert all(f"      heading: zoo.{name}\n" in api.page_of_zoo() for name in zoo.__all__)
    assert re.search(r"::: zoo\.recipe\.augmentation\S*\.CutMix\n    options:\n      heading: CutMix\n", parts)
    check = "::: verification.like.check\n    options:\n      heading: verification.check\n"
    assert check in api.page_of_verification()


def test_links_out_of_the_site_become_text():
    pages = {
        "README.md": "index.md",
        "docs/data.md": "data.md",
        "docs/ci/index.md": "ci/index.md",
        "docs/a.png": "a.png",
    }
    text = (
        "[data](docs/data.md#a-table), ![plot](docs/a.png), [recipes/x.py](recipes/x.py), [web](http://a.b/c), [up](#x)"
    )
    assert for_site(text, "README.md", pages) == (
        "[data](data.md#a-table), ![plot](a.png), `recipes/x.py`, [web](http://a.b/c), [up](#x)"
    )
    assert for_site("[data](../data.md) [top](../../README.md)", "docs/ci/index.md", pages) == (
        "[data](../data.md) [top](../index.md)"
    )


def test_text_is_escaped_and_code_is_not():
    assert escape("a*b* <i> `x_y*` [z]") == r"a\*b\* \<i\> `x_y*` \[z\]" and escape("it`s") == "it's"
    assert table(("a", "b"), [("1", 2)], "lr") == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_docstrings_become_markdown():
    text = "A recipe.\n\n    python -m x\n\nPaper:     one\n           two\nData:      three\n\nA *note*\nof two lines."
    assert to_markdown(text) == (
        "A recipe.\n\n```sh\npython -m x\n```\n\n|  |  |\n| --- | --- |\n| Paper | one two |\n| Data | three |\n\n"
        r"A \*note\* of two lines."
    )


def test_the_navigation_has_what_exists():
    nav = [{"Start": ["a.md", "missing.md", {"B": "b.md"}]}, {"All": ["networks/*"]}]
    pages = ["a.md", "b.md", "networks/x.md", "networks/y.md"]
    assert site.filled(nav, pages) == [{"Start": ["a.md", {"B": "b.md"}]}, {"All": ["networks/x.md", "networks/y.md"]}]


class Loaded(HTMLParser):
    """Collects what a browser loads for a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.found.append(attrs.get("src"))
        elif tag == "link" and attrs.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            self.found.append(attrs.get("href"))


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs", reason="needs pip install '.[docs]'")
    pytest.importorskip("mkdocstrings", reason="needs pip install '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(zoo.list_models()) + len(zoo.list_recipes()) + 40
    for page in pages:
        parser = Loaded()
        parser.feed(page.read_text(encoding="utf-8"))
        local = [each for each in parser.found if each]
        assert local and [each for each in local if re.match(r"(\w+:)?//", each)] == [], page
        if page.name != "404.html":  # whose paths are absolute, for servers
            assert [each for each in local if not (page.parent / each.partition("?")[0]).exists()] == [], page
    styles = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.css"))
    assert re.findall(r"url\(\"?'?(?:https?:)?//", styles) == []
