"""Processes that fetch from the local Hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

FETCHING = """
import json, sys
from pathlib import Path
from zoo.errors import ZooError
from zoo.hub.fetch import fetch_preset, fetch_source
from zoo.hub.source import Source
from zoo.registry.catalogue import Preset
from zoo.registry.presets import Lock, PinnedFile

given = json.loads(sys.argv[1])

def preset():
    mirrors = tuple(given.get("mirrors", ()))
    found = Preset(
        "tiny", "toy", "bert", "fill-mask", "", "mit", given["source"], mirrors, "transformers", 0, Path("p.toml")
    )
    files = {name: PinnedFile(**file) for name, file in given["files"].items()}
    return fetch_preset(found, Lock(given["commit"], files), weights=given.get("weights", True)).paths

def source():
    files, commit = fetch_source(Source.parse(given["source"]))
    assert files.origin.endswith(commit)
    return files.paths

try:
    print(json.dumps({name: str(path) for name, path in globals()[given["do"]]().items()}))
except ZooError as error:
    print(json.dumps({"what": error.what, "why": error.why, "fix": error.fix}))
"""


@pytest.fixture
def elsewhere(python) -> Callable[..., dict[str, Any]]:
    """`elsewhere("source", source=URL)` or `elsewhere("preset", source=, commit=, files=, mirrors=)`, in a process.

    It gives the paths of the files, or `what`, `why` and `fix` of the error. Caches lie in `tmp_path`.
    """

    def run(do: str, *, env: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        done = python(FETCHING, json.dumps({"do": do, **given}), env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
