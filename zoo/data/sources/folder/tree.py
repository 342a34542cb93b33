"""Reads from a tree of folders which of them are splits and which are classes."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from zoo.data.sources.folder.finding import files_in, folders_in, hidden_in, suffixes
from zoo.errors import ZooError, listed, short, shown

# What folders of splits are called, in any case and also with "set", "data", "images" or "split" behind it.
ROLES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "eval", "evaluation", "dev"),
    "test": ("test", "testing", "tst"),
}
_ENDINGS = ("", "set", "data", "images", "split")
# What folders are called that have the pictures, and those that have what was drawn or written about them.
_PICTURES = ("image", "images", "img", "imgs", "jpegimages", "photos", "pictures")
_ABOUT = ("annotation", "annotations", "label", "labels", "mask", "masks", "trimaps", "groundtruth", "gt",
          "segmentation", "segmentations")  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """Where the classes of a folder are.

    Attributes:
      root: the folder.
      splits: the folder of each split that there is, by what it is for: "train", "val", "test". Empty if there are none,
        and then the classes are in `root` itself.
      left_out: a line about each thing in `root` that belongs to no split, or in a split and to no class.
      notes: lines about how it was read, where it could be meant otherwise.
    """

    root: Path
    splits: dict[str, Path]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def role(name: str) -> str | None:
    """What the folder of a split of this name is for: "train", "val" or "test"; None if it is not called as one."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    return next(
        (role for role, words in ROLES.items() for word in words for end in _ENDINGS if plain == word + end), None
    )


def _words(name: str) -> set[str]:
    """The roles that a name speaks of in one of its words, as "seg_train" and "train2017" do."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return {found for word in words if (found := role(word))}


def read_tree(root: Path, splits: str | None = None) -> Tree:
    """Decides what the folders in `root` are.

    Folders with the names of splits are splits if each has folders of classes in it, as in `train/cat` and `val/cat`; a
    folder `train` that has images itself is a class.

    Args:
      root: the folder.
      splits: what decides instead: "none", every folder is a class; or the names of the folders for training and, after a
        comma, for evaluation.

    Raises:
      ZooError: it can be read in two ways, or there is no such folder; the message says how to say which.
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
                f"{spec}: {_folders(same)} could each be for {'training' if kind == 'train' else 'evaluation'}: say which with"
                f" --set=data.splits=TRAIN,EVALUATION, or data.splits=none if all are classes"
            )
    if trains and evaluations:
        return _tree(root, names, {roles[name]: root / name for name in (*trains, *evaluations)})
    classes = [name for name in others if _has_images(root / name)]
    if structured and classes:
        (name, *_) = structured
        if any(_images_directly(root / name)):
            return Tree(root, {}, loose_files(root))
        raise ZooError(
            f"{spec}: {name}/ has folders in it, and can be a split, or a class beside {_folders(classes[:5])}: say"
            f" --set=data.splits={name} for the former (with the evaluation split after a comma, if there is one), or"
            f" --set=data.splits=none if every folder is a class"
        )
    if structured:
        return _tree(root, names, {roles[name]: root / name for name in structured})
    if roles and len(roles) == len(names) and len({*roles.values()}) > 1:
        raise ZooError(
            f"{spec}: {_folders(names)} are called as splits, and there are no folders of classes in them; if they are"
            " classes, say --set=data.splits=none"
        )
    return Tree(root, {}, loose_files(root), _doubts(root, names, spec))


def check_classes(spec: str, tree: Tree) -> None:
    """Raises `ZooError` if folders of classes, or folders in them, are called as what is drawn or written about images."""
    for folder in tree.splits.values() or (tree.root,):
        where, names = f"{folder.name}/" if tree.splits else "", folders_in(folder)
        remedy = ",".join(path.name for path in list(tree.splits.values())[:2]) or "none"
        for name, group in (("", names), *((f"{name}/", folders_in(folder / name)) for name in names)):
            plain = {each: re.sub(r"[^a-z]", "", each.lower()) for each in group}
            about = [each for each in group if plain[each] in _ABOUT]
            if about and any(plain[each] in _PICTURES for each in group) and (name or len(group) == len(about) + 1):
                raise ZooError(
                    f"{spec}: {where}{name}{about[0]}/ is called as a folder of what is drawn or written about the images"
                    " beside it: move it elsewhere, with the images in a folder for each class, or say"
                    f" --set=data.splits={remedy} to use it as images"
                )


def _doubts(root, names, spec):
    """Notes about folders of classes that may be something else, although they have no names of splits.

    Raises:
      ZooError: they are splits, or have splits in them, most probably.
    """
    inside = [folders_in(root / name) for name in names]
    if len(names) < 2 or not all(inside) or any(any(_images_directly(root / name)) for name in names):
        return ()
    none = "--set=data.splits=none if every folder is a class"
    spoken = [_words(name) for name in names]
    if all(spoken) and len(set.union(*spoken)) > 1:
        raise ZooError(
            f"{spec}: {_folders(names[:5])} may be splits: say which with --set=data.splits=TRAIN,EVALUATION, paths in this"
            f" folder, or {none}"
        )
    if len(inside[0]) < 2 or any(set(each) != set(inside[0]) for each in inside):
        return ()
    if all(role(name) for name in inside[0]):
        raise ZooError(
            f"{spec}: every class has the folders {_folders(inside[0])} in it, which are called as splits: put the classes into the"
            f" splits, as in {inside[0][0]}/{names[0]}/, or say --set=data.splits=none to train on all of them"
        )
    return (
        f"{_folders(names[:3])} have the same folders in them, such as {inside[0][0]}/: if those are the classes, say"
        f" folder:{root / names[0]}",
    )


def _named(root, splits, names, spec):
    """The tree that `data.splits` describes."""
    wanted = [name.strip() and os.path.normpath(name.strip()) for name in splits.split(",")]
    for name in wanted:
        if not name or name.startswith(("..", os.sep)) or not (root / name).is_dir():
            raise ZooError(
                f"{spec}: data.splits is {shown(splits)}, and there is no folder {shown(name)} in it; there are"
                f" {_folders(names)}"
            )
    if not 1 <= len(wanted) <= 2 or len(set(wanted)) < len(wanted):
        raise ZooError(f"{spec}: data.splits is {shown(splits)}; it is none, or TRAIN, or TRAIN,EVALUATION")
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
    """Whether there is an image in a folder, or in those in it, so many levels down."""
    if any(_images_directly(root)):
        return True
    return depth > 0 and any(_has_images(root / name, depth - 1) for name in folders_in(root))


def loose_files(root: Path) -> tuple[str, ...]:
    """Lines about what lies beside the folders, and about what is hidden."""
    files, hidden, lines = files_in(root), hidden_in(root), []
    nowhere = [name for name in files if not (root / name).exists()]
    if nowhere:
        lines.append(
            f"{listed(nowhere)} in {root.name}/, {'a link that leads' if len(nowhere) == 1 else 'links that lead'} nowhere"
        )
        files = [name for name in files if name not in nowhere]
    beside = f"beside the folders of {root.name}/, such as"
    if files:
        lines.append(f"{len(files):,} {'file' if len(files) == 1 else 'files'} {beside} {files[0]}")
    if hidden:
        lines.append(f"{len(hidden):,} hidden {beside} {hidden[0]}")
    return tuple(lines)


def _unused(root, names):
    lines = []
    for name in names:
        inside = folders_in(root / name)
        what = (
            f"{len(inside)} folders" if inside else f"{len(files_in(root / name)):,} files without folders of classes"
        )
        lines.append(f"{name}/, which is no split that is used ({what})")
    return (*loose_files(root), *lines)
