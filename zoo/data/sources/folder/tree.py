"""Determines which folders of a data set are splits and which are classes."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from zoo.data.sources.folder.finding import files_in, folders_in, hidden_in, suffixes
from zoo.errors import ZooError, listed, short, shown

# Names of split folders, case-insensitively and optionally followed by "set", "data", "images" or "split".
ROLES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "eval", "evaluation", "dev"),
    "test": ("test", "testing", "tst"),
}
_ENDINGS = ("", "set", "data", "images", "split")
# Names of folders with images, and of folders with annotations of them.
_IMAGE_FOLDERS = ("image", "images", "img", "imgs", "jpegimages", "photos", "pictures")
_ANNOTATION_FOLDERS = ("annotation", "annotations", "label", "labels", "mask", "masks", "trimaps", "groundtruth", "gt",
                       "segmentation", "segmentations")  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """The splits and classes of a folder.

    Attributes:
      root: the folder.
      splits: the folder of each split by its role: "train", "val" or "test". Empty if there are no splits; the classes
        are in `root` then.
      left_out: one line per kind of file or folder in `root` or in a split that is not used.
      notes: remarks about assumptions, one per line.
    """

    root: Path
    splits: dict[str, Path]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def role(name: str) -> str | None:
    """Returns the role of a folder by its name, "train", "val" or "test"; None if it is not the name of a split."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return next(
        (role for role, words in ROLES.items() for word in words for end in _ENDINGS if plain == word + end), None
    )


def _roles_of_words(name: str) -> set[str]:
    """Returns the roles that any word of a name stands for, as in "seg_train" and "train2017"."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return {found for word in words if (found := role(word))}


def read_tree(root: Path, splits: str | None = None) -> Tree:
    """Determines which folders in `root` are splits and which are classes.

    Folders with the names of splits are splits if they contain class folders, as in `train/cat` and `val/cat`; a folder
    `train` that directly contains images is a class.

    Args:
      root: the folder.
      splits: overrides the detection: "none" if every folder is a class, or the names of the training and, after a
        comma, the evaluation folder.

    Raises:
      ZooError: the structure is ambiguous, or a folder does not exist; the message says how to set `splits`.
    """
    names = folders_in(root)
    spec = f"folder:{root}"
    if splits == "none":
        return Tree(root, {}, loose_files(root))
    if splits is not None:
        return _named(root, splits, names, spec)
    roles = {name: found for name in names if (found := role(name))}
    structured = [name for name in roles if folders_in(root / name)]
    others = [name for name in names if name not in roles]
    trains = [name for name in structured if roles[name] == "train"]
    evaluations = [name for name in structured if roles[name] != "train"]
    for kind in ROLES:
        same = [name for name in structured if roles[name] == kind]
        if len(same) > 1:
            raise ZooError(
                f"{spec}: {_folders(same)} could each be the {'training' if kind == 'train' else 'evaluation'} split:"
                " use --set=data.splits=TRAIN,EVALUATION, or data.splits=none if all are classes"
            )
    if trains and evaluations:
        return _tree(root, names, {roles[name]: root / name for name in (*trains, *evaluations)})
    classes = [name for name in others if _has_images(root / name)]
    if structured and classes:
        (name, *_) = structured
        if any(_images_directly(root / name)):
            return Tree(root, {}, loose_files(root))
        raise ZooError(
            f"{spec}: {name}/ has sub-folders, so it may be a split, or a class like {_folders(classes[:5])}: use"
            f" --set=data.splits={name} if it is a split (with the evaluation split, if any, after a comma), or"
            " --set=data.splits=none if every folder is a class"
        )
    if structured:
        return _tree(root, names, {roles[name]: root / name for name in structured})
    if roles and len(roles) == len(names) and len({*roles.values()}) > 1:
        raise ZooError(
            f"{spec}: {_folders(names)} have the names of splits but contain no class folders; if they are classes, use"
            " --set=data.splits=none"
        )
    return Tree(root, {}, loose_files(root), _ambiguity_notes(root, names, spec))


def check_classes(spec: str, tree: Tree) -> None:
    """Raises `ZooError` if class folders, or folders in them, have the names of annotation folders such as `masks`."""
    for folder in tree.splits.values() or (tree.root,):
        where, names = f"{folder.name}/" if tree.splits else "", folders_in(folder)
        remedy = ",".join(path.name for path in list(tree.splits.values())[:2]) or "none"
        for name, group in (("", names), *((f"{name}/", folders_in(folder / name)) for name in names)):
            plain = {each: re.sub(r"[^a-z]", "", each.lower()) for each in group}
            annotations = [each for each in group if plain[each] in _ANNOTATION_FOLDERS]
            images = any(plain[each] in _IMAGE_FOLDERS for each in group)
            if annotations and images and (name or len(group) == len(annotations) + 1):
                raise ZooError(
                    f"{spec}: {where}{name}{annotations[0]}/ seems to contain annotations rather than images: move it"
                    " out of the data set, with the images in a folder for each class, or use"
                    f" --set=data.splits={remedy} to use it as images"
                )


def _ambiguity_notes(root, names, spec):
    """Returns notes about class folders that may be something else, although they do not have the names of splits.

    Raises:
      ZooError: most probably, they are splits or contain splits.
    """
    inside = [folders_in(root / name) for name in names]
    if len(names) < 2 or not all(inside) or any(any(_images_directly(root / name)) for name in names):
        return ()
    none = "--set=data.splits=none if every folder is a class"
    roles = [_roles_of_words(name) for name in names]
    if all(roles) and len(set.union(*roles)) > 1:
        raise ZooError(
            f"{spec}: {_folders(names[:5])} may be splits: use --set=data.splits=TRAIN,EVALUATION, with paths in this"
            f" folder, or {none}"
        )
    if len(inside[0]) < 2 or any(set(each) != set(inside[0]) for each in inside):
        return ()
    if all(role(name) for name in inside[0]):
        raise ZooError(
            f"{spec}: every class has the sub-folders {_folders(inside[0])}, which have the names of splits: move the"
            f" classes into the splits, as in {inside[0][0]}/{names[0]}/, or use --set=data.splits=none to train on all"
            " of them"
        )
    return (
        f"{_folders(names[:3])} have the same sub-folders, such as {inside[0][0]}/: if these are the classes, use"
        f" folder:{root / names[0]}",
    )


def _named(root, splits, names, spec):
    """Returns the tree that `data.splits` specifies."""
    wanted = [name.strip() and os.path.normpath(name.strip()) for name in splits.split(",")]
    for name in wanted:
        if not name or name.startswith(("..", os.sep)) or not (root / name).is_dir():
            raise ZooError(
                f"{spec}: data.splits is {shown(splits)}, but there is no folder {shown(name)}: there are"
                f" {_folders(names)}"
            )
    if not 1 <= len(wanted) <= 2 or len(set(wanted)) < len(wanted):
        raise ZooError(f"{spec}: data.splits must be none, TRAIN or TRAIN,EVALUATION, not {shown(splits)}")
    found = dict(zip(("train", "val"), (root / name for name in wanted), strict=False))
    return _tree(root, names, found)


def _tree(root, names, splits):
    unused = _unused(root, [name for name in names if root / name not in splits.values()])
    return Tree(root, splits, unused)


def _folders(names):
    return listed([f"{short(name)}/" for name in names], 10)


def _images_directly(root):
    return (name for name in files_in(root) if name.lower().endswith(suffixes()))


def _has_images(root, depth=3):
    """Returns whether there is an image in a folder or in its sub-folders, down to `depth` levels."""
    if any(_images_directly(root)):
        return True
    return depth > 0 and any(_has_images(root / name, depth - 1) for name in folders_in(root))


def loose_files(root: Path) -> tuple[str, ...]:
    """Returns lines about files, broken links and hidden entries directly in a folder."""
    files, hidden, lines = files_in(root), hidden_in(root), []
    broken = [name for name in files if not (root / name).exists()]
    if broken:
        lines.append(
            f"{len(broken):,} broken {'link' if len(broken) == 1 else 'links'} in {root.name}/: {listed(broken)}"
        )
        files = [name for name in files if name not in broken]
    where = f"directly in {root.name}/, such as"
    if files:
        lines.append(f"{len(files):,} {'file' if len(files) == 1 else 'files'} {where} {files[0]}")
    if hidden:
        lines.append(f"{len(hidden):,} hidden {where} {hidden[0]}")
    return tuple(lines)


def _unused(root, names):
    lines = []
    for name in names:
        inside = folders_in(root / name)
        what = f"{len(inside)} folders" if inside else f"{len(files_in(root / name)):,} files, no class folders"
        lines.append(f"{name}/, not used as a split ({what})")
    return (*loose_files(root), *lines)
