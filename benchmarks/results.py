"""What is kept of a benchmark: one JSON line a result, under `benchmarks/results/`."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.compare import Line, compare
from benchmarks.harness import Benchmark, Outcome
from benchmarks.peers import PEERS, ROOT

RESULTS = Path(__file__).parent / "results"


def record(benchmark: Benchmark, outcome: Outcome, runs: int, *, revision: str, load: float, quick: bool) -> dict:
    """Everything a reader needs to judge a result, as JSON values.

    Args:
        revision: the commit that was installed.
        load: the machine's load average before anything was started.
    """
    environments = sorted({contender.environment for contender in benchmark.contenders})
    return {
        "benchmark": benchmark.name,
        "question": benchmark.question,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": revision,
        "quick": quick,
        "runs": runs,
        "load_before": round(load, 2),
        "hardware": hardware(),
        "versions": {name: PEERS[name].versions() for name in environments if PEERS[name].is_ready},
        "lines": [dataclasses.asdict(line) for line in compare(outcome.samples, benchmark.comparisons)],
        "samples": outcome.samples,
        "agreement": {
            name: {**dataclasses.asdict(found), "agrees": found.agrees}
            for name, found in outcome.agreements.items()
        },
        "excluded": outcome.excluded,
    }


def append(kept: dict, directory: Path = RESULTS) -> Path:
    """Add a record to its benchmark's file, one line."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{kept['benchmark']}.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return path


def newest(directory: Path = RESULTS) -> list[dict]:
    """The last record of every benchmark, by name."""
    files = sorted(directory.glob("*.jsonl"))
    return [json.loads(path.read_text(encoding="utf-8").splitlines()[-1]) for path in files]


def lines_of(kept: dict) -> list[Line]:
    """The compared lines of a record."""
    return [Line(**line) for line in kept["lines"]]


def hardware() -> dict[str, str | int | float]:
    """The machine: CPU model, cores this process may use, memory in GiB."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit that was measured; `+` after it where the tree had changes beyond it."""
    revision = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/results", ":!README.md")
    return f"{revision}{'+' if changed else ''}"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
