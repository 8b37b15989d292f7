"""Classes that a table holds as numbers, by the names that its file or its data set gives them."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import Faults, some

if TYPE_CHECKING:
    import pyarrow as pa

ClassNames = Mapping[str, Sequence[str]]
"""`{column: the names of its classes, in the order of their numbers}`."""

_WHOLE = re.compile(r"-?[0-9]{1,9}")
_MISSING = -1  # as data sets without labels have it


def names_of(feature: Any) -> tuple[str, ...]:
    """The class names in a feature of a Hub data set, or in what it is a list of; empty where it is no class.

    A README says `{class_label: {names: {"0": bad, "1": good}}}`, the schema of a parquet file
    `{"_type": "ClassLabel", "names": ["bad", "good"]}`.
    """
    for _ in range(4):  # a list of classes is one level, a README's `dtype` another
        if isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        if not isinstance(feature, dict):
            return ()
        if feature.get("_type") == "ClassLabel":
            return _ordered(feature.get("names"))
        if isinstance(label := feature.get("class_label"), dict):
            return _ordered(label.get("names"))
        feature = next(
            (feature[key] for key in ("feature", "dtype", "sequence", "list", "large_list") if key in feature), None
        )
    return ()


def _ordered(names: Any) -> tuple[str, ...]:
    if isinstance(names, dict):
        with contextlib.suppress(ValueError, TypeError):
            numbered = {int(number): str(name) for number, name in names.items()}
            return tuple(numbered[n] for n in sorted(numbered)) if sorted(numbered) == [*range(len(names))] else ()
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def names_in_schema(schema: pa.Schema) -> ClassNames:
    """The class names that `datasets` writes into a parquet file's schema; none where they cannot be read."""
    with contextlib.suppress(ValueError, RecursionError, LookupError, TypeError, AttributeError):
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: names for name, feature in features.items() if (names := names_of(feature))}
    return {}


def with_class_names(data: pa.Table, named: ClassNames, source: str) -> pa.Table:
    """The table with names in place of the numbers of classes; -1 is missing, and a name stays what it is.

    Raises a ZooError that names the rows whose number has no name.
    """
    import pyarrow as pa

    faults = Faults()
    for column, names in named.items():
        if column not in data.column_names:
            continue
        kind, beyond, chunks = _named_kind(data.schema.field(column).type), [], []
        first, known = 1, {*names}
        for chunk in data.column(column).chunks:
            values = [_named(value, names, known) for value in chunk.to_pylist()]
            beyond += [row for row, value in enumerate(values, first) if _is_beyond(value)]
            first += len(chunk)
            if not beyond:
                chunks.append(pa.array(values, kind))
        if beyond:
            faults.add(f"Column '{column}' has {len(names)} classes, and another number: row {some(beyond)}.")
            continue
        data = data.set_column(data.column_names.index(column), column, pa.chunked_array(chunks, kind))
    faults.check(f"'{source}' has classes that have no name.", fix="Correct these rows, or leave them out.")
    return data


def _named_kind(kind: pa.DataType) -> pa.DataType:
    """The type of a column of names, in lists where the numbers are."""
    import pyarrow as pa

    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return pa.list_(_named_kind(kind.value_type)) if any(fits(kind) for fits in lists) else pa.string()


_BEYOND = object()


def _is_beyond(value: Any) -> bool:
    return value is _BEYOND or (isinstance(value, list) and any(map(_is_beyond, value)))


def _named(value: Any, names: Sequence[str], known: set[str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names, known) for item in value]
    if value is None or (isinstance(value, str) and (value in known or not _WHOLE.fullmatch(value))):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if not isinstance(value, int | float | str) or (isinstance(value, float) and not value.is_integer()):
        return _BEYOND
    number = int(value)
    if number == _MISSING:
        return None
    return names[number] if 0 <= number < len(names) else _BEYOND
