"""What is kept of a benchmark: one JSON line a result, under `benchmarks/results/`."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.compare import Line, compare
from benchmarks.harness import Benchmark, Outcome
from benchmarks.peers import PEERS, ROOT

RESULTS = Path(__file__).parent / "results"


def record(
    benchmark: Benchmark, outcome: Outcome, runs: int, *, revision: str, load: float, quick: bool, gpu: bool = False
) -> dict:
    """Everything a reader needs to judge a result, as JSON values.

    Args:
        revision: the commit that was installed.
        load: the machine's load average before anything was started.
        gpu: a GPU's job. Its lines have no targets, for these are a CPU's.
    """
    comparisons = benchmark.comparisons
    if gpu:
        comparisons = [dataclasses.replace(each, at_most=None) for each in comparisons]
    environments = sorted({contender.environment for contender in benchmark.contenders})
    return {
        "benchmark": benchmark.name,
        "question": benchmark.gpu_question if gpu else benchmark.question,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": revision,
        "gpu": gpu,
        "quick": quick,
        "runs": runs,
        "load_before": round(load, 2),
        "hardware": hardware(),
        "versions": {name: PEERS[name].versions() for name in environments if PEERS[name].is_ready},
        "lines": [dataclasses.asdict(line) for line in compare(outcome.samples, comparisons)],
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
    path = directory / f"{kept['benchmark']}{'.gpu' if kept.get('gpu') else ''}.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return path


def newest(directory: Path = RESULTS) -> list[dict]:
    """The last record of every benchmark, by name, and then those of GPUs."""
    files = sorted(directory.glob("*.jsonl"), key=lambda path: (".gpu" in path.suffixes, path.name))
    return [json.loads(path.read_text(encoding="utf-8").splitlines()[-1]) for path in files]


def lines_of(kept: dict) -> list[Line]:
    """The compared lines of a record."""
    return [Line(**line) for line in kept["lines"]]


def hardware() -> dict[str, str | int | float]:
    """The machine: CPU model, cores this process may use, memory in GiB; its first GPU, if it has one."""
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
        **_gpu(),
    }


def _gpu() -> dict[str, str]:
    told = _said(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]).partition("\n")[0]
    return {"gpu": told} if told else {}


def commit() -> str:
    """The commit that was measured; `+` after it where the tree had changes beyond it.

    ZOO_BENCH_COMMIT names it where the tree lies without its history.
    """
    if named := os.environ.get("ZOO_BENCH_COMMIT"):
        return named
    if not (revision := _git("rev-parse", "--short=10", "HEAD")):
        return "unknown"
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/results", ":!README.md")
    return f"{revision}{'+' if changed else ''}"


def _git(*arguments: str) -> str:
    return _said(["git", *arguments])


def _said(command: Sequence[str]) -> str:
    """What a command prints; nothing where it is not there, or fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.strip()
