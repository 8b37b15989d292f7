"""Folders of pictures: a directory for each class, under train and validation directories or not."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.data.examples import Examples
from zoo.data.images import EXTENSIONS
from zoo.data.splits import SPLIT_WORDS
from zoo.errors import Faults, ZooError, some


def folder_splits(folder: str | Path) -> dict[str, Path]:
    """The directory of each split: of `train`, `validation` and `test` those that are there, or the folder itself.

    A folder without a `train` directory has no splits: its directories are the classes.
    """
    root = Path(folder).expanduser()
    found = {}
    for child in _directories(root):
        for split, names in SPLIT_WORDS.items():
            if child.name.lower() in names:
                if split in found:
                    raise ZooError(
                        f"'{root}' has two directories for {split}: {found[split].name} and {child.name}."
                    )
                found[split] = child
    if "train" in found:
        return found
    # Classes may be called so as well, but a class holds pictures, and a split holds classes.
    if split := next((path for path in found.values() if _directories(path)), None):
        names = [child.name for child in _directories(root)]
        raise ZooError(
            f"'{root}' has classes in '{split.name}' and no directory for training.",
            why=f"it has {some(names)}",
            fix="Call the training pictures' directory 'train'.",
        )
    return {"train": root}


def split_folder(folder: str | Path, split: str) -> Path:
    """The directory of one split, or the folder itself where it has none.

    Raises a ZooError where it has splits, and not this one: its training pictures are not to be taken for others.
    """
    root, found = Path(folder).expanduser(), folder_splits(folder)
    if split in found:
        return found[split]
    if found["train"] == root:
        return root
    named = ", ".join(path.name for path in found.values())
    raise ZooError(
        f"'{root}' has no pictures of its own for {split}, only {named}.",
        fix=f"Name the one that is meant, such as {found.get('validation', found['train'])}.",
    )


def read_image_folder(folder: str | Path) -> Examples:
    """The pictures of a folder whose directories are the classes, in the order of their paths.

    Raises a ZooError that names every class without a picture, or says what was found where there are no classes.
    """
    root = Path(folder).expanduser()
    inputs: list[str] = []
    labels: list[str] = []
    faults = Faults()
    directories = _directories(root)
    for directory in directories:
        pictures = _pictures(directory)
        if not pictures:
            faults.add(f"class '{directory.name}' has no picture in it")
        inputs += map(str, pictures)
        labels += [directory.name] * len(pictures)
    loose = [path.name for path in _pictures(root) if path.parent == root]
    if not directories:
        only = f", only {len(loose):,} pictures" if loose else ""
        faults.add(f"it has no directories{only}; each class needs one")
    elif loose:
        faults.add(f"{some(loose)}: beside the classes, and in none of them")
    faults.check(
        f"'{root}' is not a folder of pictures by class.",
        fix=f"Lay it out as CLASS/picture.jpg, or train/CLASS/picture.jpg. Pictures end in {some(EXTENSIONS)}.",
    )
    return Examples(inputs, labels, list(range(1, len(inputs) + 1)), str(root))


def pictures_in(path: str) -> list[str]:
    """The pictures below a directory, in order; a file stands for itself, whatever its name. For a prediction."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return [path]
    if found := [str(picture) for picture in _pictures(folder)]:
        return found
    raise ZooError(f"'{path}' has no picture in it.", fix=f"Pictures end in {some(EXTENSIONS)}.")


def _directories(root: Path) -> list[Path]:
    try:
        return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))
    except OSError as error:
        raise ZooError(f"'{root}' cannot be read.", why=str(error)) from error


def _pictures(directory: Path) -> list[Path]:
    found = []
    for folder, _, names in os.walk(directory):
        found += [Path(folder, n) for n in names if n.lower().endswith(EXTENSIONS) and not n.startswith(".")]
    return sorted(found)
