"""Which columns of a table are the text and the label: as the user said, or guessed with care."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.data.column_hints import hints
from zoo.data.column_kinds import (
    either,
    holds_labels,
    holds_lists,
    holds_pictures,
    holds_text,
    listed,
    looks_headless,
    type_of,
)
from zoo.data.table import Table
from zoo.errors import Faults, did_you_mean

TEXT_NAMES = {
    *("text", "sentence", "review", "review_text", "content", "comment", "tweet", "message", "body"),
    *("document", "utterance", "question", "query"),
}
LABEL_NAMES = {
    *("label", "labels", "class", "category", "target", "sentiment", "stars", "rating", "intent"),
    *("emotion", "topic"),
}
IMAGE_NAMES = {
    *("image", "images", "img", "picture", "photo", "path", "file", "filename", "file_name", "filepath"),
    *("image_path", "image_file"),
}
TOKEN_NAMES = {"tokens", "words"}
TAG_NAMES = {"ner_tags", "tags", "labels", "label", "pos_tags", "token_labels"}
# A guess must win by this factor, in mean length or in number of classes, else the user is asked.
_CLEAR = 3


@dataclass(frozen=True)
class Columns:
    """The names of the columns to read; None where there is no such column."""

    text: str
    text_pair: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class ImageColumns:
    """The names of the columns to read, where the inputs are pictures."""

    image: str
    label: str | None = None


@dataclass(frozen=True)
class TokenColumns:
    """The names of the columns to read, where the inputs are lists of words."""

    tokens: str
    label: str | None = None


def choose_token_columns(
    table: Table, *, tokens: str | None = None, label: str | None = None, need_label: bool = True
) -> TokenColumns:
    """The columns of words and of their tags: given names are checked, missing ones are guessed.

    Guessed are the columns with a usual name, else the only lists of strings and of labels there are. Raises a
    ZooError that names the key to set.
    """
    faults = Faults()
    lists = [name for name in table.columns if holds_lists(type_of(table, name))]
    for key, name in {"data.tokens": tokens, "data.label": label}.items():
        if name is not None and name not in table.columns:
            faults.add(f"{key}: there is no column '{name}'.{did_you_mean(name, table.columns)}")
        elif name is not None and name not in lists:
            faults.add(f"{key}: column '{name}' holds {type_of(table, name)}, not lists.")
    if tokens is None:
        free = [name for name in lists if name != label and holds_text(type_of(table, name).value_type)]
        tokens = _only([name for name in free if name.casefold() in TOKEN_NAMES] or free, "data.tokens", faults)
    if label is None and need_label:
        free = [name for name in lists if name != tokens]
        label = _only([name for name in free if name.casefold() in TAG_NAMES] or free, "data.label", faults)
    if faults:
        faults.add(listed(table))
    faults.check(
        f"Which columns of '{table.source}' to use is not clear.",
        fix='Name them in the recipe or with --set, such as --set data.tokens="words"; both hold lists.',
    )
    assert tokens is not None  # or there was a fault
    return TokenColumns(tokens, label)


def _only(names: list[str], key: str, faults: Faults) -> str | None:
    if len(names) == 1:
        return names[0]
    faults.add(f"{key}: it may be {either(names)}." if names else f"{key}: no column holds such lists.")
    return None


def choose_image_columns(
    table: Table, *, image: str | None = None, label: str | None = None, need_label: bool = True
) -> ImageColumns:
    """The columns of pictures and of labels: given names are checked, missing ones are guessed.

    The picture is the column with a usual name (`image`, `path`, ...), else the only one that holds bytes; the
    label is guessed as for texts. Raises a ZooError that names the key to set.
    """
    faults = Faults()
    for key, name in {"data.image": image, "data.label": label}.items():
        if name is not None and name not in table.columns:
            faults.add(f"{key}: there is no column '{name}'.{did_you_mean(name, table.columns)}")
    if image is not None and image in table.columns and not holds_pictures(type_of(table, image)):
        faults.add(f"data.image: column '{image}' holds {type_of(table, image)}, not paths or bytes.")
    if image is None:
        candidates = [name for name in table.columns if name != label and holds_pictures(type_of(table, name))]
        named = [name for name in candidates if name.casefold() in IMAGE_NAMES]
        stored = [name for name in candidates if not holds_text(type_of(table, name))]
        likely = named or stored
        if len(likely) == 1:
            image = likely[0]
        elif likely:
            faults.add(f"data.image: it may be {either(likely)}.")
        else:
            faults.add("data.image: no column has a usual name, or holds files.")
    if label is None and need_label and not faults:
        candidates = [name for name in table.columns if name != image and holds_labels(type_of(table, name))]
        label = _guess_label(table, candidates, faults)
    if faults:
        faults.add(listed(table))
    faults.check(
        f"Which columns of '{table.source}' to use is not clear.",
        fix='Name them in the recipe or with --set, such as --set data.image="path".',
    )
    assert image is not None  # or there was a fault
    return ImageColumns(image, label)


def choose_columns(
    table: Table,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    need_label: bool = True,
) -> Columns:
    """The columns to use: given names are checked, missing ones are guessed.

    The text is the column with a usual name (`text`, `review`, ...), else the one whose texts are by far
    the longest. The label is the column with a usual name, else the one with by far the fewest values
    that repeat, else the only one that holds lists; it is guessed only where `need_label` says so. A second
    text is never guessed.

    Raises:
        ZooError: a given column is not there, is named twice or holds the wrong kind of value; or no
            guess is clear, and the key to set is named.
    """
    _check_given(table, {"data.text": text, "data.text_pair": text_pair, "data.label": label})
    faults = Faults()
    free = [name for name in table.columns if name not in (text, text_pair, label)]
    if text is None:
        candidates = [n for n in free if n.casefold() not in LABEL_NAMES and holds_text(type_of(table, n))]
        text = _guess_text(table, candidates, faults)
    if label is None and need_label:
        candidates = [n for n in free if n != text and holds_labels(type_of(table, n))]
        label = _guess_label(table, candidates, faults)
    if text is None or faults:
        faults.add(listed(table))
        faults.found += hints(table, label=label is not None)
    faults.check(
        f"Which columns of '{table.source}' to use is not clear.",
        fix='Name them in the recipe or with --set, such as --set data.text="review".',
    )
    assert text is not None  # or there was a fault
    return Columns(text, text_pair, label)


def _check_given(table: Table, given: dict[str, str | None]) -> None:
    faults = Faults()
    missing = False
    keys: dict[str, str] = {}
    for key, name in given.items():
        if name is None:
            continue
        if name in keys:
            faults.add(f"{keys[name]} and {key} are both '{name}'.")
        keys.setdefault(name, key)
        if name not in table.columns:
            missing = True
            faults.add(f"{key}: there is no column '{name}'.{did_you_mean(name, table.columns)}")
        elif not (holds_labels if key == "data.label" else holds_text)(kind := type_of(table, name)):
            wanted = "labels" if key == "data.label" else "text"
            faults.add(f"{key}: column '{name}' holds {kind}, not {wanted}.")
    if missing:
        faults.add(listed(table))
    faults.check(f"The columns of '{table.source}' do not fit.")


def _guess_text(table: Table, candidates: list[str], faults: Faults) -> str | None:
    named = [name for name in candidates if name.casefold() in TEXT_NAMES]
    if len(named) == 1:
        return named[0]
    if not candidates:
        faults.add("data.text: no column is left that holds text.")
        return None
    if not named and looks_headless(table):
        faults.add("data.text: no column has a usual name, and the header looks like data.")
        return None
    lengths = {name: _mean_length(table.column(name)) for name in named or candidates}
    first, *rest = sorted(lengths, key=lambda name: -lengths[name])
    if not named and (not rest or lengths[first] >= _CLEAR * lengths[rest[0]]):
        return first
    faults.add(f"data.text: it may be {either(lengths)} (two texts a row: data.text_pair too).")
    return None


def _guess_label(table: Table, candidates: list[str], faults: Faults) -> str | None:
    named = [name for name in candidates if name.casefold() in LABEL_NAMES]
    if len(named) == 1:
        return named[0]
    if not named and looks_headless(table):
        faults.add("data.label: no column has a usual name, and the header looks like data.")
        return None
    if named:
        faults.add(f"data.label: it may be {either(named)}.")
        return None
    single = [name for name in candidates if not holds_lists(type_of(table, name))]
    classes = {name: _count(table.column(name)) for name in single}
    repeating = {name: count for name, count in classes.items() if 1 < count <= len(table) / 2}
    # A constant column is taken where nothing better is there: the user then hears that it has one class.
    likely = repeating or {name: count for name, count in classes.items() if count == 1}
    lists = [name for name in candidates if name not in single]
    if not repeating and len(lists) == 1:
        return lists[0]
    if not likely:
        faults.add("data.label: no column has values that repeat, as labels do.")
        return None
    first, *rest = sorted(likely, key=lambda name: likely[name])
    if not rest or likely[rest[0]] >= _CLEAR * likely[first]:
        return first
    faults.add(f"data.label: it may be {either(likely)}.")
    return None


def _count(values: Iterable[Any]) -> int:
    """How many different values there are, but for those that are missing. Hashes stand for texts."""
    return len({hash(value) if isinstance(value, str) else value for value in values if value is not None})


def _mean_length(values: Sequence[str | None]) -> float:
    return sum(len(value) for value in values if value) / max(1, len(values))
