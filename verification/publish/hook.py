"""Hooks of MkDocs, named in mkdocs.yml: add the generated pages, and adapt the documents to the site."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from verification.publish import site


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Completes the navigation."""
    root = Path(config.docs_dir).parent
    written = [path.relative_to(config.docs_dir).as_posix() for path in sorted(Path(config.docs_dir).rglob("*.md"))]
    config.nav = site.filled(config.nav, [*written, *site.generated_pages(root)])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    for path, make in site.generated_pages(Path(config.docs_dir).parent).items():
        files.append(File.generated(config, path, content=make()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Adapts links and tables."""
    return site.adapted(markdown, page.file.src_uri, _places(files))


def _places(files: Files) -> dict[str, str]:
    """Returns the files of the site by their path from the root of the project."""
    documents = {page: document for document, page in site.DOCUMENTS.items()}
    return {documents.get(path, f"docs/{path}"): path for path in (file.src_uri for file in files)}
