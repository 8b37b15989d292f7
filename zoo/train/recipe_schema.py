"""The recipe as a JSON schema, for editors: `python -m zoo.train.recipe_schema > docs/recipe.schema.json`."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

from zoo.train.extends import EXTENDS
from zoo.train.recipe import FREE_TABLES, TABLES
from zoo.train.recipe_file import expression

_NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    tuple: "array",
    bool: "boolean",
    Mapping[str, float]: "object",
    type(None): "null",
}
_LIMITS = {
    "least": "minimum",
    "above": "exclusiveMinimum",
    "most": "maximum",
    "below": "exclusiveMaximum",
}
_LENGTHS = {"string": "minLength", "array": "minItems"}


def recipe_schema() -> dict[str, Any]:
    """The schema (https://json-schema.org/draft/2020-12) of a recipe file, which may leave out what it extends."""
    tables = {table: _table(kind) for table, kind in TABLES.items()}
    tables |= {table: {"type": "object", "description": told} for table, told in FREE_TABLES.items()}
    base = {"type": "string", "description": "another recipe: its keys hold where this one has none"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "zoo recipe",
        "type": "object",
        "properties": {EXTENDS: base, **tables},
        "additionalProperties": False,
    }


def _table(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    described = f"{kind.__doc__}".partition(": ")[2].strip().rstrip(".")
    return {
        "type": "object",
        "description": described,
        "properties": {field.name: _key(field, hints[field.name]) for field in dataclasses.fields(kind)},
        "additionalProperties": False,
    }


def _key(field: dataclasses.Field, hint: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(inner := field.metadata.get("table", hint)):
        return _table(inner)
    if "limits" not in field.metadata:
        return {"type": "object", "description": field.metadata["help"]}
    limits = field.metadata["limits"]
    options = [_NAMES[option] for option in typing.get_args(hint) or (hint,) if option is not type(None)]
    found: dict[str, Any] = {
        "type": options[0] if len(options) == 1 else options,
        "description": field.metadata["help"],
    }
    if field.default not in (None, "", ()):
        found["default"] = field.default
    if "array" in options:
        found["items"] = {"type": "string"}
    others = [option for option in options if option != "string"]
    if not limits["empty"]:
        free = others if limits["choices"] else options
        found |= {_LENGTHS[option]: 1 for option in free if option in _LENGTHS}
    if limits["choices"] and limits["pattern"]:
        pattern = {"pattern": f"^{expression(limits['pattern'])}$"}
        found["anyOf"] = [{"enum": list(limits["choices"])}, pattern]
    elif limits["choices"] and len(options) > 1:
        found["anyOf"] = [{"type": others[0]}, {"enum": list(limits["choices"])}]
    elif limits["choices"]:
        found["enum"] = [*limits["choices"], *([""] if limits["empty"] else [])]
    return found | {name: limits[limit] for limit, name in _LIMITS.items() if limits[limit] is not None}


def schema_text() -> str:
    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
