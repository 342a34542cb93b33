"""Where files are that belong to the project."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

# In a checkout third_party/ lies beside zoo/; an installed package has it inside, so as not to fill site-packages with
# names that others may want.
THIRD_PARTY = next(folder for folder in (_PACKAGE / "third_party", _PACKAGE.parent / "third_party") if folder.is_dir())

# Beside zoo/ in a checkout and in site-packages. Found by its place: whoever trains may have a folder of that name too.
RECIPES = _PACKAGE.parent / "recipes"
