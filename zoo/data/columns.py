"""Which columns of a table are the text and the label: as the user said, or guessed with care."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.data.table import Table
from zoo.errors import Faults, did_you_mean, some

if TYPE_CHECKING:
    import pyarrow as pa

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
MESSAGES_NAMES = {"messages", "conversations", "conversation", "dialog", "dialogue", "chat"}
PROMPT_NAMES = {"prompt", "question", "instruction", "query"}
COMPLETION_NAMES = {"completion", "response", "answer", "output"}
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


@dataclass(frozen=True)
class ChatColumns:
    """The names of the columns to read, where a model learns to answer: messages, prompts and completions, or two
    answers of which one is preferred, with or without their prompt."""

    messages: str | None = None
    prompt: str | None = None
    completion: str | None = None
    chosen: str | None = None
    rejected: str | None = None


def choose_chat_columns(
    table: Table,
    *,
    messages: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    chosen: str | None = None,
    rejected: str | None = None,
) -> ChatColumns | None:
    """The columns of what a model learns to answer by: given names are checked, else those with usual names.

    Returns None where none is given and none has such a name: then the rows are plain texts.

    Raises a ZooError that names the key to set.
    """
    faults = Faults()
    sides = {name.casefold() for name in table.columns if _holds_side(_type(table, name))}
    prefers = bool(chosen or rejected) or (sides >= {"chosen", "rejected"} and not (messages or completion))
    side = (_holds_side, "text or lists of messages") if prefers else (_holds_text, "text")
    kinds = {
        "messages": (messages, MESSAGES_NAMES, _holds_messages, "lists of messages"),
        "prompt": (prompt, PROMPT_NAMES, *side),
        "completion": (completion, COMPLETION_NAMES, _holds_text, "text"),
        "chosen": (chosen, {"chosen"}, *side),
        "rejected": (rejected, {"rejected"}, *side),
    }
    given = {key: name for key, (name, *_) in kinds.items() if name is not None}
    for key, name in given.items():
        _, _, fits, wanted = kinds[key]
        if name not in table.columns:
            faults.add(f"data.{key}: there is no column '{name}'.{did_you_mean(name, table.columns)}")
        elif not fits(_type(table, name)):
            faults.add(f"data.{key}: column '{name}' holds {_type(table, name)}, not {wanted}.")
    if "messages" in given and len(given) > 1:
        others = " and ".join(f"data.{key}" for key in given if key != "messages")
        faults.add(f"data.messages is given, and {others}, too: a row is one or the other.")
    if completion and (chosen or rejected):
        faults.add("data.completion is given, and data.chosen or data.rejected, too: a row is one or the other.")

    def guessed(key: str) -> str | None:
        _, names, fits, _ = kinds[key]
        found = [
            n for n in table.columns if n.casefold() in names and fits(_type(table, n)) and n not in given.values()
        ]
        if len(found) > 1 and given:
            faults.add(f"data.{key}: it may be {_either(found)}.")
        return found[0] if len(found) == 1 else None

    if prefers and not faults:
        found = {key: given.get(key) or guessed(key) for key in ("prompt", "chosen", "rejected")}
        faults.found += [
            f"data.{key}: no column has a usual name." for key in ("chosen", "rejected") if not found[key]
        ]
        if not faults and not found["prompt"] and _holds_text(_type(table, str(found["chosen"]))):
            faults.add("data.prompt: no column has a usual name, or several have.")
        given = {key: name for key, name in found.items() if name}
    elif not given and (found := guessed("messages")):
        given = {"messages": found}
    elif "messages" not in given:
        pair = {key: given.get(key) or guessed(key) for key in ("prompt", "completion")}
        if given and not faults:
            faults.found += [f"data.{key}: no column has a usual name." for key, name in pair.items() if not name]
        given = {key: name for key, name in pair.items() if name} if all(pair.values()) else {}
    if faults:
        faults.add(_found(table))
    faults.check(
        f"Which columns of '{table.source}' to use is not clear.",
        fix='Name them in the recipe or with --set, such as --set data.messages="messages".',
    )
    return ChatColumns(**given) if given else None


def choose_token_columns(
    table: Table, *, tokens: str | None = None, label: str | None = None, need_label: bool = True
) -> TokenColumns:
    """The columns of words and of their tags: given names are checked, missing ones are guessed.

    Guessed are the columns with a usual name, else the only lists of strings and of labels there are. Raises a
    ZooError that names the key to set.
    """
    faults = Faults()
    lists = [name for name in table.columns if _holds_lists(_type(table, name))]
    for key, name in {"data.tokens": tokens, "data.label": label}.items():
        if name is not None and name not in table.columns:
            faults.add(f"{key}: there is no column '{name}'.{did_you_mean(name, table.columns)}")
        elif name is not None and name not in lists:
            faults.add(f"{key}: column '{name}' holds {_type(table, name)}, not lists.")
    if tokens is None:
        free = [name for name in lists if name != label and _holds_text(_type(table, name).value_type)]
        tokens = _only([name for name in free if name.casefold() in TOKEN_NAMES] or free, "data.tokens", faults)
    if label is None and need_label:
        free = [name for name in lists if name != tokens]
        label = _only([name for name in free if name.casefold() in TAG_NAMES] or free, "data.label", faults)
    if faults:
        faults.add(_found(table))
    faults.check(
        f"Which columns of '{table.source}' to use is not clear.",
        fix='Name them in the recipe or with --set, such as --set data.tokens="words"; both hold lists.',
    )
    assert tokens is not None  # or there was a fault
    return TokenColumns(tokens, label)


def _only(names: list[str], key: str, faults: Faults) -> str | None:
    if len(names) == 1:
        return names[0]
    faults.add(f"{key}: it may be {_either(names)}." if names else f"{key}: no column holds such lists.")
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
    if image is not None and image in table.columns and not _holds_pictures(_type(table, image)):
        faults.add(f"data.image: column '{image}' holds {_type(table, image)}, not paths or bytes.")
    if image is None:
        candidates = [name for name in table.columns if name != label and _holds_pictures(_type(table, name))]
        named = [name for name in candidates if name.casefold() in IMAGE_NAMES]
        stored = [name for name in candidates if not _holds_text(_type(table, name))]
        likely = named or stored
        if len(likely) == 1:
            image = likely[0]
        elif likely:
            faults.add(f"data.image: it may be {_either(likely)}.")
        else:
            faults.add("data.image: no column has a usual name, or holds files.")
    if label is None and need_label and not faults:
        candidates = [name for name in table.columns if name != image and _holds_labels(_type(table, name))]
        label = _guess_label(table, candidates, faults)
    if faults:
        faults.add(_found(table))
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
    that repeat; it is guessed only where `need_label` says so. A second text is never guessed.

    Raises:
        ZooError: a given column is not there, is named twice or holds the wrong kind of value; or no
            guess is clear, and the key to set is named.
    """
    _check_given(table, {"data.text": text, "data.text_pair": text_pair, "data.label": label})
    faults = Faults()
    free = [name for name in table.columns if name not in (text, text_pair, label)]
    if text is None:
        candidates = [n for n in free if n.casefold() not in LABEL_NAMES and _holds_text(_type(table, n))]
        text = _guess_text(table, candidates, faults)
    if label is None and need_label:
        candidates = [n for n in free if n != text and _holds_labels(_type(table, n))]
        label = _guess_label(table, candidates, faults)
    if text is None or faults:
        faults.add(_found(table))
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
        elif not (_holds_labels if key == "data.label" else _holds_text)(kind := _type(table, name)):
            wanted = "labels" if key == "data.label" else "text"
            faults.add(f"{key}: column '{name}' holds {kind}, not {wanted}.")
    if missing:
        faults.add(_found(table))
    faults.check(f"The columns of '{table.source}' do not fit.")


def _guess_text(table: Table, candidates: list[str], faults: Faults) -> str | None:
    named = [name for name in candidates if name.casefold() in TEXT_NAMES]
    if len(named) == 1:
        return named[0]
    if not candidates:
        faults.add("data.text: no column is left that holds text.")
        return None
    if not named and _looks_headless(table):
        faults.add("data.text: no column has a usual name, and the header looks like data.")
        return None
    lengths = {name: _mean_length(table.column(name)) for name in named or candidates}
    first, *rest = sorted(lengths, key=lambda name: -lengths[name])
    if not named and (not rest or lengths[first] >= _CLEAR * lengths[rest[0]]):
        return first
    faults.add(f"data.text: it may be {_either(lengths)} (two texts a row: data.text_pair too).")
    return None


def _guess_label(table: Table, candidates: list[str], faults: Faults) -> str | None:
    named = [name for name in candidates if name.casefold() in LABEL_NAMES]
    if len(named) == 1:
        return named[0]
    if not named and _looks_headless(table):
        faults.add("data.label: no column has a usual name, and the header looks like data.")
        return None
    if named:
        faults.add(f"data.label: it may be {_either(named)}.")
        return None
    single = [name for name in candidates if not _holds_lists(_type(table, name))]  # lists are taken by name only
    classes = {name: len(set(table.column(name)) - {None}) for name in single}
    repeating = {name: count for name, count in classes.items() if 1 < count <= len(table) / 2}
    # A constant column is taken where nothing better is there: the user then hears that it has one class.
    likely = repeating or {name: count for name, count in classes.items() if count == 1}
    if not likely:
        faults.add("data.label: no column has values that repeat, as labels do.")
        return None
    first, *rest = sorted(likely, key=lambda name: likely[name])
    if not rest or likely[rest[0]] >= _CLEAR * likely[first]:
        return first
    faults.add(f"data.label: it may be {_either(likely)}.")
    return None


def _found(table: Table) -> str:
    found = f"The columns are {some(map(repr, table.columns))}."
    if _looks_headless(table):
        found += " That looks like a row of data: the header seems to be missing."
    return found


def _looks_headless(table: Table) -> bool:
    """Whether the names of a CSV's or TSV's columns look as if its first row were data."""
    if not table.source.lower().endswith((".csv", ".tsv")):
        return False
    return any(len(name) > 64 or len(name.split()) > 5 or name in table.column(name) for name in table.columns)


def _mean_length(values: list[str | None]) -> float:
    return sum(len(value) for value in values if value) / max(1, len(values))


def _either(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _type(table: Table, name: str) -> pa.DataType:
    import pyarrow as pa

    kind = table.data.schema.field(name).type
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def _holds_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    # A column of nothing but missing values has no kind; its rows are refused later, by number.
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind)


def _holds_pictures(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    files = types.is_binary(kind) or types.is_large_binary(kind) or types.is_struct(kind)
    return files or types.is_string(kind) or types.is_large_string(kind)


def _holds_messages(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return (types.is_list(kind) or types.is_large_list(kind)) and types.is_struct(kind.value_type)


def _holds_side(kind: pa.DataType) -> bool:
    return _holds_text(kind) or _holds_messages(kind)


def _holds_lists(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return (types.is_list(kind) or types.is_large_list(kind)) and _holds_labels(kind.value_type)


def _holds_labels(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    one = _holds_text(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return one or _holds_lists(kind)
