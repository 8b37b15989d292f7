"""A pytest plugin: the files that take longest come first, so that all workers end together.

What each took is in `seconds.json`, which `make test-profile` writes; a file that is not there may take long.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SECONDS = Path(__file__).with_name("seconds.json")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = json.loads(SECONDS.read_text(encoding="utf-8")) if SECONDS.is_file() else {}

    def seconds(item: pytest.Item) -> float:
        return known.get(item.nodeid.partition("::")[0], float("inf"))

    items.sort(key=lambda item: (-seconds(item), str(item.path)))
