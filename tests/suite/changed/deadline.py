"""A pytest plugin: tests that would begin after a moment are left out, and counted.

The moment is ZOO_TESTS_UNTIL, in seconds of `time.time()`.
"""

from __future__ import annotations

import os
import time

import pytest

_UNTIL = "ZOO_TESTS_UNTIL"


class _Seen:
    collected = 0
    reported = 0


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    return True if time.time() > float(os.environ.get(_UNTIL, "inf")) else None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _Seen.reported += report.when == "setup"


def pytest_collection_finish(session: pytest.Session) -> None:
    _Seen.collected = len(session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: object, ids: list[str]) -> None:
    _Seen.collected = len(ids)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if left := _Seen.collected - _Seen.reported:
        terminalreporter.write_line(
            f"{left} of {_Seen.collected} tests did not begin in time: make test runs them."
        )
