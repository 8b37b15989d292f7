"""Folders of pictures: a directory for each class, under train and validation directories or not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from zoo.data.examples import Examples
from zoo.data.images import EXTENSIONS
from zoo.data.splits import SPLIT_WORDS
from zoo.errors import Faults, ZooError, counted, some


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


def read_image_folder(folder: str | Path, notes: list[str] | None = None) -> Examples:
    """The pictures of a folder whose directories are the classes, in the order of their paths.

    Args:
        notes: told of the files in them that are no pictures by their names.

    Raises a ZooError that names every class without a picture, or says what was found where there are no classes.
    """
    root = Path(folder).expanduser()
    inputs: list[str] = []
    labels: list[str] = []
    faults, others = Faults(), Counter()
    directories = _directories(root)
    for directory in directories:
        pictures, beside = _sorted(directory)
        if not pictures:
            only = f", only {_endings(beside)}" if beside else ""
            faults.add(f"class '{directory.name}' has no picture in it{only}")
        others += beside
        inputs += map(str, pictures)
        labels += [directory.name] * len(pictures)
    loose = sorted(path.name for path in root.iterdir() if path.is_file() and _is_picture(path.name))
    if not directories:
        only = f", only {counted(len(loose), 'picture')}" if loose else ""
        faults.add(f"it has no directories{only}; each class needs one")
    elif loose:
        faults.add(f"{some(loose)}: beside the classes, and in none of them")
    faults.check(
        f"'{root}' is not a folder of pictures by class.",
        fix=f"Lay it out as CLASS/picture.jpg, or train/CLASS/picture.jpg. Pictures end in {some(EXTENSIONS)}.",
    )
    if others and notes is not None:
        notes.append(f"what is no picture by its name in '{root}': {_endings(others)}")
    return Examples(inputs, labels, list(range(1, len(inputs) + 1)), str(root), named=True)


def pictures_in(path: str) -> list[str]:
    """The pictures below a directory, in order; a file stands for itself, whatever its name. For a prediction."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return [path]
    if found := [str(picture) for picture in _sorted(folder)[0]]:
        return found
    raise ZooError(f"'{path}' has no picture in it.", fix=f"Pictures end in {some(EXTENSIONS)}.")


def _directories(root: Path) -> list[Path]:
    try:
        return sorted(p for p in root.iterdir() if p.is_dir() and not _is_hidden(p.name))
    except OSError as error:
        raise ZooError(f"'{root}' cannot be read.", why=str(error)) from error


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__"))


def _is_picture(name: str) -> bool:
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def _sorted(directory: Path) -> tuple[list[Path], Counter[str]]:
    """The pictures below a directory, in the order of their paths, and how many other files have which ending."""
    pictures, others = [], Counter()
    for folder, inside, names in os.walk(directory):
        inside[:] = [name for name in inside if not _is_hidden(name)]
        for name in names:
            if _is_picture(name):
                pictures.append(Path(folder, name))
            elif not name.startswith("."):
                others[Path(name).suffix.lower()] += 1
    return sorted(pictures), others


def _endings(counts: Mapping[str, int]) -> str:
    """How often each ending occurs, the most frequent first: `12 .heic, 1 without an ending`."""
    often = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return some(f"{count:,} {ending or 'without an ending'}" for ending, count in often)
