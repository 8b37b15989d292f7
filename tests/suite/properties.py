"""The number of examples of property tests: few every day, ten times as many in `make test-deep`."""

from __future__ import annotations

import os

from hypothesis import settings

_TIMES = 10 if os.environ.get("ZOO_TESTS_DEEP") else 1

settings.register_profile("zoo", deadline=None, max_examples=50 * _TIMES)
settings.load_profile("zoo")


def examples(count: int) -> int:
    """`count` every day; for `max_examples` of a property that needs more or fewer than others."""
    return count * _TIMES
