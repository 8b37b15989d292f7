"""The hooks a plugin may implement. Each returns records of `zoo.registry.records`, and does nothing else.

A plugin module is imported, and its hooks are called, only when something that its manifest names is used.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from zoo.registry.records import Architecture, DataSet, Tracker

hookspec = pluggy.HookspecMarker("zoo")
hookimpl = pluggy.HookimplMarker("zoo")


@hookspec
def zoo_architectures() -> Iterable[Architecture]:  # type: ignore[empty-body]
    """The architectures that the manifest names under `[architectures.NAME]`."""


@hookspec
def zoo_datasets() -> Iterable[DataSet]:  # type: ignore[empty-body]
    """The data sets that the manifest names under `[provides] datasets`."""


@hookspec
def zoo_trackers() -> Iterable[Tracker]:  # type: ignore[empty-body]
    """The trackers that the manifest names under `[provides] trackers`."""
