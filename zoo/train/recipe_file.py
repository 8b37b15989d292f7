"""Reading and writing recipes: TOML and overrides in, every fault at once out, in milliseconds."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import tomllib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import Faults, ZooError, did_you_mean, some
from zoo.train.extends import read_tables
from zoo.train.recipe import FREE_TABLES, TABLES, Recipe

Check = Callable[[Recipe, Faults], Recipe]
"""Looks at a recipe, adds what is wrong with it to the faults, and gives it back with what goes without saying."""


def read_recipe(path: str | Path, overrides: Sequence[str] = (), check: Check | None = None) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name, on top of what it extends; apply `table.key=value`.

    Raises a ZooError that lists every fault of file and overrides together, and those that `check` finds.
    """
    file = recipe_path(path)
    tables, homes = read_tables(file, shipped_recipes())
    elsewhere = {key: home for key, home in homes.items() if home != file}
    return make_recipe(tables, overrides, check, name=file.stem, origin=str(path), homes=elsewhere)


def make_recipe(
    raw: Mapping[str, Any],
    overrides: Sequence[str] = (),
    check: Check | None = None,
    *,
    name: str = "run",
    origin: str = "that was given",
    homes: Mapping[str, Path] | None = None,
) -> Recipe:
    """A recipe from tables of keys. Raises a ZooError that lists every fault, `check`'s among them.

    Args:
        origin: what the recipe is called in the error.
        homes: the files of keys that come from elsewhere than there.
    """
    faults = Faults()
    raw = {table: dict(keys) if isinstance(keys, dict) else keys for table, keys in raw.items()}
    for override in overrides:
        _override(raw, override, faults)
    tables = {}
    for table, keys in raw.items():
        if table in FREE_TABLES and isinstance(keys, dict):
            tables[table] = keys
        elif table not in TABLES and isinstance(keys, dict):
            faults.add(f"[{table}] is not a table of a recipe.{did_you_mean(table, [*TABLES, *FREE_TABLES])}")
        elif not isinstance(keys, dict):
            faults.add(f"{table} = {keys!r} stands outside the tables.{_home(table)}")
        else:
            tables[table] = _keys(table, TABLES[table], keys, faults)
    faults.found += [f"{key} is missing: {what}" for key, what in _missing(raw)]
    recipe = Recipe(**tables, name=name)
    fix = ["'zoo finetune --keys' lists every key."] if faults else []  # what the check finds is of names and paths
    if check:
        recipe = check(recipe, faults)
    options = ["--data PATH" if key == "train" else f"--set data.{key}=PATH" for key in _data_of(faults)]
    if options:
        fix = [f"Name the data: {', '.join(options)}.", *fix]
    faults.found = [_placed(fault, homes or {}) for fault in faults.found]
    faults.check(f"The recipe {origin} is not valid.", fix="\n".join(fix))
    return recipe


def _data_of(faults: Faults) -> list[str]:
    """The keys of files and data sets that are missing, or name what cannot be read."""
    found = [re.match(r"data\.(train|validation|test)( is missing)?:", fault) for fault in faults.found]
    return [match[1] for match in found if match]


def _placed(fault: str, homes: Mapping[str, Path]) -> str:
    """The fault with the file of its key, where that is another one."""
    named = re.match(r"\[?([\w.-]+)", fault)
    home = homes.get(named[1].rstrip(".")) if named else None
    return f"{fault} (in {home})" if home else fault


def recipe_path(name: str | Path) -> Path:
    """The file of a recipe: a path, or the name of a shipped one."""
    path = Path(name)
    if path.is_file():
        return path
    shipped = shipped_recipes()
    if str(name) in shipped:
        return shipped[str(name)]
    near = [p.name for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    raise ZooError(
        f"There is no recipe '{name}'.{did_you_mean(path.name, [*near, *shipped])}",
        why=f"shipped recipes: {some(shipped)}",
    )


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with zoo, by name."""
    spec = find_spec("zoo_recipes")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def recipe_text(recipe: Recipe) -> str:
    """The recipe as a TOML file with every key that has a value."""
    lines = []
    for table, keys in recipe.written().items():
        lines += [f"[{table}]", *(f"{k} = {toml_value(v)}" for k, v in keys.items()), ""]
    return "\n".join(lines)


def toml_value(value: Any) -> str:
    """A value as TOML writes it: as JSON does, but for tables and one control character; nothing has no value."""
    if isinstance(value, Mapping):
        pairs = [f"{_toml_key(k)} = {toml_value(v)}" for k, v in value.items() if v is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)


def _missing(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    def lacks(table: str, key: str) -> bool:
        keys = raw.get(table, {})
        return isinstance(keys, dict) and not keys.get(key)

    wanted = {("data", "train"): "which file or data set to learn from"}
    if lacks("model", "architecture"):
        wanted = {("model", "preset"): "which model to start from, such as 'minilm_l6'", **wanted}
    return [(f"{table}.{key}", what) for (table, key), what in wanted.items() if lacks(table, key)]


def _override(raw: dict[str, Any], override: str, faults: Faults) -> None:
    name, equals, text = override.partition("=")
    *tables, key = name.strip().split(".")
    if not (equals and tables and all(tables) and key):
        faults.add(f"--set {override}: it must read table.key=value, such as train.epochs=1")
        return
    keys: Any = raw
    for depth, table in enumerate(tables):
        # What the caller gave stays as it is, but for a key that becomes a table.
        given = keys.get(table, {}) if depth < 1 or isinstance(keys.get(table), dict) else {}
        keys[table] = dict(given) if isinstance(given, dict) else given
        keys = keys[table]
        if not isinstance(keys, dict):
            return
    keys[key] = _value(text.strip())


def _value(text: str) -> Any:
    """A value as TOML reads it; a bare word is a string, so that paths need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _keys(table: str, kind: Any, keys: Mapping[str, Any], faults: Faults) -> Any:
    fields = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in keys.items():
        if name not in fields:
            faults.add(f"{table}.{name} is not a key of a recipe.{_nearest(name, kind)}")
        elif "limits" not in fields[name].metadata:
            kind_of_table = fields[name].metadata.get("table", fields[name].default_factory)
            values[name] = _table(f"{table}.{name}", kind_of_table, value, faults)
        elif fault := _fault(value, hints[name], fields[name].metadata["limits"]):
            faults.add(f"{table}.{name} = {value!r}: {fault}")
        else:
            values[name] = _made(value, hints[name])
    return kind(**values)


def _made(value: Any, kind: Any) -> Any:
    """A value that fits its key, as the key has it."""
    if isinstance(value, list):
        return tuple(value)
    if value == "" and type(None) in typing.get_args(kind):
        return None
    return float(value) if kind is float else value


def _table(name: str, kind: Any, value: Any, faults: Faults) -> Any:
    """A key that is a table itself: of keys with limits, or whatever it holds."""
    if not isinstance(value, dict):
        faults.add(f"{name} = {value!r}: a table is needed")
        return kind()
    return _keys(name, kind, value, faults) if dataclasses.is_dataclass(kind) else value


def _nearest(name: str, kind: Any) -> str:
    own = {f.name for f in dataclasses.fields(kind)}
    if hint := did_you_mean(name, own):
        return hint
    return _home(name)


def _home(name: str) -> str:
    homes = [t for t, kind in TABLES.items() if name in {f.name for f in dataclasses.fields(kind)}]
    return f" It belongs in [{homes[0]}]." if homes else ""


def fits(value: Any, pattern: str) -> bool:
    """Whether a value is a pattern of a key, in which N stands for a whole number."""
    return bool(pattern) and re.fullmatch(expression(pattern), str(value)) is not None


def expression(pattern: str) -> str:
    """A key's pattern as a regular expression."""
    return re.sub(r"\bN\b", "[1-9][0-9]*", re.escape(pattern).replace("\\ ", " "))


def _fault(value: Any, kind: Any, limits: Mapping[str, Any]) -> str:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, Mapping) and Mapping[str, float] in options:
        faults = {name: _fault(item, float, limits) for name, item in value.items()}
        return "; ".join(f"'{name}' has {value[name]!r}, and {fault}" for name, fault in faults.items() if fault)
    if not any(_is(value, option) for option in options):
        return f"{' or '.join(_SPELLED[option] for option in options if option is not type(None))} is needed"
    empty = value in ("", [])
    if empty and limits["empty"]:
        return ""
    known = [*limits["choices"], *filter(None, [limits["pattern"]])]
    if isinstance(value, str) and known and value not in known and not fits(value, limits["pattern"]):
        if others := [_SPELLED[option] for option in options if option not in (str, type(None))]:
            near = did_you_mean(value, limits["choices"])
            return f"{' or '.join([*others, *known])} is needed{'.' if near else ''}{near}"
        return f"choose of {', '.join(known)}.{did_you_mean(str(value), limits['choices'])}"
    if empty:
        return "it must not be empty"
    if isinstance(value, int | float):
        if not abs(value) <= sys.float_info.max:  # NaN fails this too, and so does an integer beyond any float
            return "a finite number is needed"
        for limit, wrong, words in (
            (limits["least"], lambda bound: value < bound, "at least"),
            (limits["above"], lambda bound: value <= bound, "more than"),
            (limits["most"], lambda bound: value > bound, "at most"),
            (limits["below"], lambda bound: value >= bound, "less than"),
        ):
            if limit is not None and wrong(limit):
                return f"it must be {words} {limit}"
    return ""


_SPELLED = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list of words",
    Mapping[str, float]: "a table of numbers",
}


def _is(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, list):
        return kind is tuple and all(isinstance(item, str) for item in value)
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, typing.get_origin(kind) or kind)
