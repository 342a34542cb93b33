"""Paths of the project's own folders."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

# In a checkout third_party/ is next to zoo/; an installed package has it inside, so as not to add common names to
# site-packages.
THIRD_PARTY = next(folder for folder in (_PACKAGE / "third_party", _PACKAGE.parent / "third_party") if folder.is_dir())

# Next to zoo/ in a checkout and in site-packages. Located relative to this file, because the working directory may have
# a folder of the same name.
RECIPES = _PACKAGE.parent / "recipes"

# Reference runs, which are data: nothing of the package `verification` is imported.
LEDGERS = _PACKAGE.parent / "verification" / "ledger"
