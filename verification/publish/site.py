"""The pages of the site: documents of the project, and generated ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

from verification.publish import api
from verification.publish.deviations import read_deviations
from verification.publish.ledgers import table_of_recipes
from verification.publish.markdown import for_site, with_tables
from verification.publish.networks import page_of_network, recipes_by_network, table_of_networks
from verification.publish.recipes import page_of_recipe
from zoo.catalog import list_recipes
from zoo.models.registry import list_models

# Documents outside of docs/, and their pages.
DOCUMENTS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "WORKSPACE.md": "map.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
Nav = list[dict[str, object] | str]


def generated_pages(root: Path) -> dict[str, Callable[[], str]]:
    """Returns functions that make the pages which are not files of docs/, by their path in the site.

    Args:
      root: the folder of the project.
    """
    recipes, deviations = recipes_by_network(), read_deviations()
    pages: dict[str, Callable[[], str]] = {
        page: (lambda path=root / document: path.read_text(encoding="utf-8")) for document, page in DOCUMENTS.items()
    }
    for name in list_models():
        pages[f"networks/{name}.md"] = lambda name=name: page_of_network(name, recipes.get(name, []), deviations[name])
    for name in list_recipes():
        pages[f"recipes/{name}.md"] = lambda name=name: page_of_recipe(name)
    return pages | {f"api/{name}.md": make for name, make in api.PAGES.items()}


def adapted(text: str, page: str, files: Mapping[str, str]) -> str:
    """Returns the text of a page with links between the pages of the site only, and tables that link to pages.

    Args:
      text: Markdown of the document.
      page: path of the page in the site.
      files: pages and other files of the site by their path from the root of the project.
    """
    if page == "networks.md":
        text = with_tables(text, {"networks": lambda: table_of_networks(_link_to("networks"))}, page)
    elif page == "recipes.md":
        text = with_tables(text, {"results": lambda: table_of_recipes(_link_to("recipes"))}, page)
    document = next(path for path, place in files.items() if place == page)
    return for_site(text, document, files)


def _link_to(folder: str) -> Callable[[str], str]:
    return lambda name: f"[`{name}`]({folder}/{name}.md)"


def filled(nav: Nav, pages: list[str]) -> Nav:
    """Returns the navigation with the pages of a folder in place of "FOLDER/*", and without pages that do not exist."""
    found: Nav = []
    for item in nav:
        if isinstance(item, dict):
            for title, content in item.items():
                if isinstance(content, list):
                    found.append({title: filled(content, pages)})
                elif content in pages:
                    found.append({title: content})
        elif item.endswith("/*"):
            found += [page for page in pages if page.startswith(item[:-1])]
        elif item in pages:
            found.append(item)
    return found
