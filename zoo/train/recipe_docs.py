"""The recipe reference, written from the recipe itself: `python -m zoo.train.recipe_docs > docs/recipes.md`."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from zoo.registry.code import find_tracker, tracker_names
from zoo.train.recipe import FREE_TABLES, TABLES

_HEAD = """# Recipes

A recipe is a TOML file with a few tables. `zoo check RECIPE.toml` says what it would do, `zoo finetune RECIPE.toml`
does it, and `--set table.key=value` changes a key for one run. Every key has a default except `data.train` and
`model.preset`, or `model.architecture` in its place. A key, a type or a value that cannot be is an error that lists
all of them at once, before anything is read or written.

`extends = "base.toml"`, above the tables, takes over another recipe: a path from the folder of the file that says
so, or the name of a shipped recipe. Tables are merged key by key, and the file that extends has the last word: an
empty list or text takes back what stands beneath.

Editors know the keys by [recipe.schema.json](recipe.schema.json), which `zoo finetune --schema` prints: with the
first line `#:schema recipe.schema.json`, those that speak TOML complete keys and mark mistakes.

`hf://datasets/ORG/NAME` is a data set of the Hub, in csv, tsv, jsonl or parquet files: `@REVISION` picks another
branch or commit, and `/CONFIG`, a folder, a file or a pattern such as `/data/train-*.parquet` a part of it. The
README's `configs` say which files are the training, validation and test rows; without them, the files' names do. A
split that is there is used, unless its labels are kept back; numbers of classes become the names that the README
or the parquet files give them. A run keeps the commit, in `recipe.toml` and `run.lock`, and is resumed and
reproduced from it. A data set that is made by a script is refused, for zoo runs none; what the Hub made of it, if
anything, is `hf://datasets/ORG/NAME@refs/convert/parquet`.

Files may be larger than memory: they are read and tokenised in blocks. Of a table, and of its tokens, 128 MiB are
held; what is larger lies in a file without a name in zoo's cache (`ZOO_CACHE`), which is gone when the process
ends, and the kernel holds what of it there is room for. It is as large as the values, not compressed, and 8 bytes a
token; 12 where tokens are what is learned, and 24 of preferences. For each row some 300 bytes are held while the
data is read and split, and less than 100 while it is trained on; for token classification 4 bytes a token more. A
csv or tsv file takes 64 MiB to read, and more where a row is longer than 2 MiB. A json file may be one list of
objects. Held whole are such a list while it is read, pictures that a table brings, the model's outputs for all
held-out rows, what `output.probe` looks at, and the texts of held-out pairs.

A model of the task `text-generation` learns to answer from rows of messages (`data.messages`: lists of `role` and
`content`, or sharegpt's `from` and `value`), or of prompts and completions; rows with neither are plain texts. The
checkpoint's own chat template writes them, in Jinja's sandbox; a model from random weights gets one with a token
for each role, where its rows are messages. Prompts and completions are written by a checkpoint's template, as a
question and its answer; where there is none, and for a model from random weights, they are plain text, without
roles, one behind the other. `data.chat` says which it is, and `zoo check` tells it ("written"). A prompt or a
completion may be a list of messages, too: then only the completion's answers are learned. By default the loss is on
the answers, each with the token that ends its turn: what the template marks by `{% generation %}`, or else what an
answer adds to the text of what stood before it and the prompt for it. A conversation longer than `data.max_length`
ends behind its last answer that fits whole; how many answers are lost is told, and a row that would lose all it has
to teach is an error. So is every row from which the wrong thing would be learned: an answer that is empty or has no
stop token, a message that the template leaves out, a token that begins twice, roles that the template refuses. `zoo
check RECIPE.toml --show 3` prints examples as tokens, with « and » around what is trained. `data.chat_template` may
mark the answers of a checkpoint's template, or give one to a checkpoint that has none; one that writes another text
than the checkpoint's own is an error.

In Python, `zoo.Recipe.read("recipe.toml")` and `zoo.Recipe.of(model={...}, data={...})` make recipes of the same
tables and keys, for `zoo.check` and `zoo.finetune`.

This page is written from the code; a test keeps it so.
"""

_BOUNDS = {"least": "at least", "above": "more than", "most": "at most", "below": "less than"}
_NAMES: dict[Any, str] = {tuple: "list", Mapping[str, float]: "table"}


def recipe_reference() -> str:
    """Every table and key with its type, default, limits and purpose, as Markdown."""
    parts = [_HEAD]
    for table, kind in TABLES.items():
        parts.append(f"\n## [{table}]\n\n| key | type | default | what it is for |\n|---|---|---|---|\n")
        parts += _rows(kind)
    return "".join([*parts, *_trackers()])


def _trackers() -> list[str]:
    """The trackers that are installed, and their options."""
    parts = [f"\n## [track]\n\nThis table says {FREE_TABLES['track']}.\n\n"]
    parts.append("| key | type | what it is for |\n|---|---|---|\n")
    for name in tracker_names():
        tracker = find_tracker(name)
        parts.append(
            f"| `{name}` | bool or table | {tracker.description}; needs `pip install {tracker.package}` |\n"
        )
        parts += [f"| `{name}.{key}` | str | {told} |\n" for key, told in tracker.options.items()]
    return parts


def _rows(kind: Any, within: str = "") -> list[str]:
    hints = typing.get_type_hints(kind)
    rows = []
    for field in dataclasses.fields(kind):
        if "limits" in field.metadata:
            rows.append(_row(field, hints[field.name], within))
        else:
            rows.append(f"| `{within}{field.name}` | table |  | {field.metadata['help']} |\n")
        inner = field.metadata.get("table", hints[field.name])
        if dataclasses.is_dataclass(inner):
            rows += _rows(inner, f"{within}{field.name}.")
    return rows


def _row(field: dataclasses.Field, hint: Any, within: str) -> str:
    options = [o for o in typing.get_args(hint) or (hint,) if o is not type(None)]
    kind = " or ".join(_NAMES.get(o) or o.__name__ for o in options)
    default = "" if field.default in (None, "", ()) else f"`{json.dumps(field.default)}`"
    limits = field.metadata["limits"]
    notes = [field.metadata["help"]]
    if limits["choices"]:
        known = [*limits["choices"], *filter(None, [limits["pattern"]])]
        notes.append(f"one of {', '.join(f'`{c}`' for c in known)}")
    for name, words in _BOUNDS.items():
        if limits[name] is not None:
            notes.append(f"{words} {limits[name]}")
    return f"| `{within}{field.name}` | {kind} | {default} | {'; '.join(notes)} |\n"


if __name__ == "__main__":
    print(recipe_reference(), end="")
