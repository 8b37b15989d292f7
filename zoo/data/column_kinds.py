"""What the columns of a table hold, by their Arrow types, and how messages speak of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.data.table import Table
from zoo.errors import some

if TYPE_CHECKING:
    import pyarrow as pa


def type_of(table: Table, name: str) -> pa.DataType:
    """The Arrow type of a column; of one whose values are numbered, that of the values."""
    import pyarrow as pa

    kind = table.data.schema.field(name).type
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def holds_text(kind: pa.DataType) -> bool:
    """Strings."""
    import pyarrow.types as types

    # A column of nothing but missing values has no kind; its rows are refused later, by number.
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind)


def holds_pictures(kind: pa.DataType) -> bool:
    """Files, or paths to them."""
    import pyarrow.types as types

    files = types.is_binary(kind) or types.is_large_binary(kind) or types.is_struct(kind)
    return files or types.is_string(kind) or types.is_large_string(kind)


def holds_messages(kind: pa.DataType) -> bool:
    """Lists of records."""
    import pyarrow.types as types

    return (types.is_list(kind) or types.is_large_list(kind)) and types.is_struct(kind.value_type)


def holds_side(kind: pa.DataType) -> bool:
    """Either of two answers, or what they answer: a text or messages."""
    return holds_text(kind) or holds_messages(kind)


def holds_lists(kind: pa.DataType) -> bool:
    """Lists of what labels are."""
    import pyarrow.types as types

    return (types.is_list(kind) or types.is_large_list(kind)) and holds_labels(kind.value_type)


def holds_truths(kind: pa.DataType) -> bool:
    """True and false."""
    import pyarrow.types as types

    return types.is_boolean(kind)


def holds_labels(kind: pa.DataType) -> bool:
    """What a label can be: strings, numbers, truths, and lists of them."""
    import pyarrow.types as types

    one = holds_text(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return one or holds_lists(kind)


def listed(table: Table) -> str:
    """The columns that there are, and whether they look as if the header was missing."""
    found = f"The columns are {some(map(repr, table.columns))}."
    if looks_headless(table):
        found += " That looks like a row of data: the header seems to be missing."
    return found


def looks_headless(table: Table) -> bool:
    """Whether the names of a CSV's or TSV's columns look as if its first row were data."""
    if not table.source.lower().endswith((".csv", ".tsv")):
        return False
    return any(len(name) > 64 or len(name.split()) > 5 or name in table.column(name) for name in table.columns)


def either(names: Iterable[str]) -> str:
    """Names to choose from."""
    return " or ".join(f"'{name}'" for name in names)
