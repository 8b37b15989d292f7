"""Configs: frozen dataclasses read from a checkpoint's `config.json`, and written back without losing a key."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self, TypeAlias

from zoo.errors import Faults

Keys: TypeAlias = Mapping[str, "Keys"]
"""The keys of a table, each with those of the table that it may be; `{}` where it is none, or anything."""


def keys_of(names: Iterable[str]) -> Keys:
    """The keys of a table in which there is no other."""
    return {name: {} for name in names}


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of an architecture's config.

    A subclass's fields carry the names of `config.json`, its defaults are the reference's. Keys that it has no
    field for are kept in `source`; those in `unsupported` would change the maths and are refused.
    """

    unsupported: ClassVar[Mapping[str, tuple[Any, ...]]] = {}
    """`{key: the values that change nothing}`; any other value is a ZooError."""

    tables: ClassVar[Mapping[str, Keys]] = {}
    """`{key: what zoo reads of its table}`, where that is known: a recipe's own table may have nothing else."""

    aliases: ClassVar[tuple[str, ...]] = ()
    """Keys that are no fields, and that `fields_of` reads."""

    source: Mapping[str, Any] = dataclasses.field(default_factory=dict, kw_only=True, repr=False)

    @classmethod
    def read(cls, source: Mapping[str, Any], origin: str) -> Self:
        """Read a parsed `config.json`. Raises a ZooError that lists every fault."""
        faults = Faults()
        hints = typing.get_type_hints(cls)
        values = {}
        told = cls.fields_of(source, faults)
        for field in dataclasses.fields(cls):
            if field.name == "source" or field.name not in told:
                continue
            value = told[field.name]
            if _fits(value, hints[field.name]):
                values[field.name] = value
            else:
                faults.add(f"{field.name} = {value!r} should be {_spell(hints[field.name])}")
        legible = not faults
        for field in dataclasses.fields(cls):
            fault_of = field.metadata.get("fault")
            if fault_of and field.name in values and (fault := fault_of(values[field.name])):
                faults.add(f"{field.name}: {fault}")
        for key, harmless in cls.unsupported.items():
            if key in source and source[key] not in harmless:
                allowed = " or ".join(map(repr, harmless))
                faults.add(f"{key} = {source[key]!r} is not supported; it may be {allowed}")
        if legible:
            config = cls(**values, source=dict(source))
            faults.found += config.faults()
            if not faults:
                return config
        faults.check(
            f"config.json of {origin} does not describe a model that zoo can build.",
            fix="Correct what is mistaken there; where it is the model's own, load another checkpoint.",
        )
        raise AssertionError

    @classmethod
    def keys(cls) -> Keys:
        """What is read of a `config.json`."""
        fields = [f.name for f in dataclasses.fields(cls) if not f.metadata.get("inferred")]
        fields.remove("source")
        return {**keys_of([*fields, *cls.aliases, *cls.unsupported]), **cls.tables}

    @classmethod
    def fields_of(cls, source: Mapping[str, Any], faults: Faults) -> Mapping[str, Any]:
        """The fields that a `config.json` states; for subclasses that read another library's spelling, too."""
        return source

    def faults(self) -> list[str]:
        """What is wrong between fields that are each of the right type; for subclasses."""
        return []

    def replace(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)

    def written(self, **changes: Any) -> dict[str, Any]:
        """The content for a `config.json`: what was read, in its own spelling, and what changed since."""
        fields = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name != "source" and not f.metadata.get("inferred")
        }
        if self.source:
            read = type(self).read(self.source, "the config that was read")
            fields = {k: v for k, v in fields.items() if k in self.source or v != getattr(read, k)}
        return {**self.source, **fields, **changes}

    def inferred(self) -> dict[str, Any]:
        """The fields that no `config.json` has, because only the tensors or a name tell."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.metadata.get("inferred")}


def inferred(default: Any) -> Any:
    """A field that is no key of `config.json`: `infer` sets it from the tensors, or `fields_of` from a name."""
    return dataclasses.field(default=default, metadata={"inferred": True})


def checked(default: Any, fault: Callable[[Any], str]) -> Any:
    """A field of which `fault` tells what is wrong with its value alone; nothing, where it may be that."""
    return dataclasses.field(default=default, metadata={"fault": fault})


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(kind))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _spell(kind: Any) -> str:
    options = typing.get_args(kind) or (kind,)
    return " or ".join("null" if option is type(None) else option.__name__ for option in options)
