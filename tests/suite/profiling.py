"""Where the suite's time goes: a pytest plugin that writes it down, and the tables that are made of it.

`make test-profile` runs the suite with `-p tests.suite.profiling` and ZOO_TEST_PROFILE naming a folder. Each worker
writes one file of JSON lines there; `python -m tests.suite.profiling FOLDER` prints what docs/testing.md shows, and
writes what each file took for `longest_first`.
"""

from __future__ import annotations

import builtins
import functools
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.suite.forking import Forks
from tests.suite.longest_first import SECONDS
from tests.suite.memory import resident_mib

Interval = tuple[float, float]

# Where two overlap, the time is the earlier one's: compiling while a module is imported is importing.
KINDS = ("subprocess", "import", "compile", "cache", "lower", "trace", "torch")
EVENTS = {
    "/jax/core/compile/backend_compile_duration": "compile",
    "/jax/compilation_cache/cache_retrieval_time_sec": "cache",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/jaxpr_trace_duration": "trace",
}


class Recorder:
    """Writes what a worker's tests and fixtures took, by kind, as JSON lines."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.file = (folder / f"{worker}-{os.getpid()}.jsonl").open("w", encoding="utf-8")
        self.began = time.monotonic()
        self.spans: dict[str, list[Interval]] = defaultdict(list)
        self.phases: dict[str, float] = {}
        self.depth: dict[str, int] = defaultdict(int)

    def write(self, **record: Any) -> None:
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()

    def timed(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, whose outermost calls are noted as time of `kind`."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.depth[kind]:
                return function(*args, **kwargs)
            self.depth[kind] += 1
            began = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                self.depth[kind] -= 1
                self.spans[kind].append((began, time.monotonic()))

        return call

    def install(self) -> None:
        """Listen to imports, processes, and, once they are imported, to jax and torch."""
        importing, waiting = self.timed("import", builtins.__import__), subprocess.Popen.communicate

        def imported(name: str, *args: Any, **kwargs: Any) -> Any:
            known = name in sys.modules
            module = builtin(name, *args, **kwargs) if known else importing(name, *args, **kwargs)
            if not known:
                self.listen()
            return module

        builtin = builtins.__import__
        builtins.__import__ = imported
        subprocess.Popen.communicate = self.timed("subprocess", waiting)  # pyright: ignore
        subprocess.Popen.wait = self.timed("subprocess", subprocess.Popen.wait)  # pyright: ignore
        Forks.run = self.timed("subprocess", Forks.run)
        self.listen()

    def listen(self) -> None:
        monitoring = sys.modules.get("jax.monitoring")
        if monitoring is not None and "jax" not in self.phases:
            self.phases["jax"] = 1
            monitoring.register_event_duration_secs_listener(self.heard)
        torch = sys.modules.get("torch.nn")
        if torch is not None and hasattr(torch, "Module") and "torch" not in self.phases:
            self.phases["torch"] = 1
            torch.Module.__call__ = self.timed("torch", torch.Module.__call__)

    def heard(self, event: str, duration: float, **_: Any) -> None:
        if event in EVENTS:
            now = time.monotonic()
            self.spans[EVENTS[event]].append((now - duration, now))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        began = time.monotonic()
        self.spans.clear()
        result = yield
        ended = time.monotonic()
        kinds = exclusive(self.spans, began, ended)
        self.write(test=item.nodeid, seconds=ended - began, rss_mib=resident_mib(), **kinds)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any):
        began = time.monotonic()
        result = yield
        if (seconds := time.monotonic() - began) > 0.05:
            self.write(fixture=fixturedef.argname, of=fixturedef.baseid, scope=fixturedef.scope, seconds=seconds)
        return result

    def pytest_collection_finish(self) -> None:
        self.write(collected=time.monotonic() - self.began)

    def pytest_sessionfinish(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.write(ended=time.monotonic() - self.began, peak_mib=round(peak))


def merged(spans: Iterable[Interval]) -> list[Interval]:
    """The union of intervals, in order."""
    union: list[Interval] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union


def length(spans: Iterable[Interval]) -> float:
    return sum(end - start for start, end in merged(spans))


def exclusive(spans: dict[str, list[Interval]], began: float, ended: float) -> dict[str, float]:
    """Seconds of each kind between two moments, none of them counted twice."""
    taken: list[Interval] = []
    seconds: dict[str, float] = {}
    for kind in KINDS:
        more = [
            *taken,
            *(
                (max(start, began), min(end, ended))
                for start, end in spans.get(kind, [])
                if end > began and start < ended
            ),
        ]
        seconds[kind] = length(more) - length(taken)
        taken = merged(more)
    return {kind: round(value, 4) for kind, value in seconds.items() if value > 0.0005}


def read(folder: Path) -> list[dict[str, Any]]:
    """The records of all workers."""
    lines = (line for file in sorted(folder.glob("*.jsonl")) for line in file.open(encoding="utf-8"))
    return [json.loads(line) for line in lines]


def by_file(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """`{test file: {"tests": count, "seconds": all, kind: of which}}`, the slowest first."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for record in records:
        if "test" in record:
            row = found[record["test"].partition("::")[0]]
            row["tests"] += 1
            for kind in ("seconds", *KINDS):
                row[kind] += record.get(kind, 0.0)
    return dict(sorted(found.items(), key=lambda item: -item[1]["seconds"]))


def table(rows: dict[str, dict[str, float]]) -> str:
    """Rows as Markdown, with what no kind says as the last column."""
    lines = [f"| | tests | seconds | {' | '.join(KINDS)} | other |", "|---" * (len(KINDS) + 4) + "|"]
    for name, row in rows.items():
        rest = row["seconds"] - sum(row[kind] for kind in KINDS)
        numbers = [row["tests"], row["seconds"], *(row[kind] for kind in KINDS), rest]
        lines.append(f"| {name} | {' | '.join(f'{number:.0f}' for number in numbers)} |")
    return "\n".join(lines)


def summary(records: Iterable[dict[str, Any]]) -> str:
    """One line on starting, waiting, fixtures made again and memory."""
    made: dict[tuple[str, str], list[float]] = defaultdict(list)
    starts, ends, peaks = [], [], []
    for record in records:
        if record.get("scope", "function") != "function":
            made[record["of"], record["fixture"]].append(record["seconds"])
        starts += [record["collected"]] if "collected" in record else []
        ends += [record["ended"]] if "ended" in record else []
        peaks += [record["peak_mib"]] if "peak_mib" in record else []
    again = sum(sum(seconds) - max(seconds) for seconds in made.values())
    return (
        f"starting and collecting {max(starts):.0f} s; waiting for the last file {max(ends) - min(ends):.0f} s; "
        f"fixtures made again {again:.0f} s; a worker's peak {max(peaks):,} MiB"
    )


def write_seconds(files: dict[str, dict[str, float]]) -> None:
    seconds = {file: round(row["seconds"]) for file, row in sorted(files.items())}
    SECONDS.write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")


def main(folder: str) -> None:
    records = read(Path(folder))
    files = by_file(records)
    whole: dict[str, float] = defaultdict(float)
    for row in files.values():
        for kind, value in row.items():
            whole[kind] += value
    print(table({"all": whole, **dict(list(files.items())[:20])}))
    print(summary(records))
    write_seconds(files)


def pytest_configure(config: pytest.Config) -> None:
    folder = os.environ.get("ZOO_TEST_PROFILE")
    distributing = hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None)
    if folder and distributing:
        recorder = Recorder(Path(folder))
        recorder.install()
        config.pluginmanager.register(recorder)


if __name__ == "__main__":
    main(*sys.argv[1:])
