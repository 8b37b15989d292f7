"""Data sets of the Hub: `hf://datasets/ORG/NAME[@REVISION][/CONFIG, folder or files]`, read at a commit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from zoo.data import spool
from zoo.data.class_names import ClassNames, with_class_names
from zoo.data.dataset_card import Card, read_card
from zoo.data.hub_splits import WHOLE, config_of, splits_of
from zoo.data.readers import read_table
from zoo.data.table import Table
from zoo.errors import ZooError, some
from zoo.hub import huggingface
from zoo.hub.fetch import fetch_files
from zoo.hub.files import check_names
from zoo.hub.progress import bars
from zoo.hub.source import DATASETS, REVISION, Source
from zoo.registry.presets import PinnedFile

if TYPE_CHECKING:
    import pyarrow as pa

_README = "README.md"
_NAME = re.compile(
    r"hf://datasets/(?P<location>[\w.-]+/[\w.-]+)"
    r"(?:@(?P<revision>refs/(?:convert/[\w-]+|pr/\d+)|[^/]+))?"
    r"(?:/(?P<within>.+))?"
)
_FORM = f"{DATASETS}ORG/NAME[@REVISION][/CONFIG, folder or files]"


@dataclass(frozen=True)
class HubData:
    """A data set at a commit.

    Args:
        source: the repository, at the commit.
        within: the config, folder or files that are meant, as the name has it.
        splits: the files of each split.
        classes: the names of the classes of columns.
        pins: the size and hash of each file of the repository.
    """

    source: Source
    within: str
    splits: Mapping[str, tuple[str, ...]]
    classes: ClassNames
    pins: Mapping[str, PinnedFile]

    def files(self, split: str) -> tuple[str, ...]:
        """The files of a split; all of them where there are no splits. Raises a ZooError where it is another."""
        if found := self.splits.get(WHOLE) or self.splits.get(split):
            return found
        other = [*self.splits.values()][-1][0]
        raise ZooError(
            f"'{_spelled(self.source.at(''), self.within)}' has no rows of its own for {split}, "
            f"only {some(self.splits)}.",
            fix=f"Name the files that are meant, such as {_spelled(self.source, other)}",
        )


def is_hub_data(name: str) -> bool:
    """Whether a name is one of a data set on the Hub, well formed or not."""
    return name.startswith(DATASETS)


def short_name(name: str) -> str:
    """The data set's own name, for the run that it is trained on."""
    return _parse(name)[0].location.partition("/")[2]


def check_name(name: str) -> str:
    """What is wrong with a name; empty where nothing is. Nothing is asked of the Hub."""
    try:
        _parse(name)
    except ZooError as error:
        return f"{error.what} {error.fix}"
    return ""


def pinned_name(name: str) -> str:
    """The name with the commit that its revision stands for now. Raises a ZooError as `find_data` does."""
    source, within = _parse(name)
    return _spelled(source.at(huggingface.listing(source).commit), within)


def find_data(name: str) -> HubData:
    """Which files of the Hub a name means; only the README is fetched.

    Raises a ZooError where the Hub does not tell, where rows are made by a script, where it is not clear what is
    meant, and where there is nothing that zoo reads.
    """
    source, within = _parse(name)
    listing = huggingface.listing(source)
    here, card = source.at(listing.commit), Card()
    if _README in listing.files:
        readme = fetch_files(here, {_README: listing.files[_README]})[_README]
        card = read_card(readme.read_text(encoding="utf-8", errors="replace"), str(source))
    config = config_of(source, within, card, listing.files)
    splits = splits_of(source, within, config, listing.files)
    check_names(file for files in splits.values() for file in files)
    return HubData(here, within, splits, card.classes_of(config.name), listing.files)


def read_hub_data(name: str, split: str) -> Table:
    """The rows of one split, of all its files in order; rows are counted on from file to file.

    Numbers of classes become the names that the files or the README give them.
    """
    import pyarrow as pa

    found = find_data(name)
    files = found.files(split)
    with bars() as progress:
        paths = fetch_files(found.source, {file: found.pins[file] for file in files}, progress)
    told = _spelled(found.source.at(""), found.within)
    source = told if WHOLE in found.splits else f"{told} ({split})"
    tables: list[pa.Table] = [read_table(paths[file], spool.MEMORY // len(files)).data for file in files]
    try:
        data = pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0]
    except pa.ArrowException as error:
        raise ZooError(f"The files of '{source}' do not make one table.", why=str(error)) from error
    return Table(source, with_class_names(data, found.classes, source))


def _parse(name: str) -> tuple[Source, str]:
    parts = _NAME.fullmatch(name)
    revision = unquote((parts and parts["revision"]) or "")
    if not parts or (revision and not REVISION.fullmatch(revision)):
        raise ZooError(f"'{name}' does not name a data set of the Hub.", fix=f"It reads {_FORM}.")
    return Source("hf", parts["location"], revision, "dataset"), (parts["within"] or "").strip("/")


def _spelled(source: Source, within: str) -> str:
    return f"{source}/{within}" if within else str(source)
