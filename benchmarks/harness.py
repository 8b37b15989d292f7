"""Runs contenders in turn, each in a process of its own, and measures time and memory from outside. Linux."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.compare import Agreement, Comparison, agreement
from benchmarks.peers import PEERS

if TYPE_CHECKING:
    import numpy as np

WORKERS = Path(__file__).parent / "workers"
# What a shell may carry and a contender's user would not; the Hub is never asked while the clock runs.
DROPPED = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "KERAS_BACKEND", "XLA_FLAGS", "VIRTUAL_ENV")
SET = {"HF_HUB_OFFLINE": "1"}


class RunError(Exception):
    """A contender's process failed or ran past its limit: why, in one line, then the end of what it said."""


@dataclass(frozen=True)
class Round:
    """One turn of every contender.

    Args:
        directory: an empty folder of this turn of this contender.
        seed: another one each round; the warm-up has 0.
        warm_up: nothing is counted, and the outputs are compared.
        quick: a small job, to try the harness.
        gpu: a job of a GPU's size, in bfloat16.
    """

    directory: Path
    seed: int
    warm_up: bool
    quick: bool
    gpu: bool = False


@dataclass(frozen=True)
class Measurement:
    """What one turn of one contender gave: metrics by name, and in the warm-up the output to compare."""

    metrics: Mapping[str, float]
    output: np.ndarray | None = None


@dataclass(frozen=True)
class Contender:
    """Who takes part.

    Args:
        environment: the peer whose environment it needs.
        measure: does one turn.
        tolerance: the largest difference of its output from the reference's that still counts as the same work.
        gpu_tolerance: the same for a GPU's job, where it is another.
    """

    name: str
    environment: str
    measure: Callable[[Round], Measurement]
    tolerance: float | None = None
    gpu_tolerance: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """One question.

    Args:
        runs: how many counted turns each contender has, unless the user says otherwise.
        gpu_question: the question that is asked of a GPU; empty where there is no job for one.
        reference: the contender whose output the others must agree with; nobody compares where it is empty.
    """

    name: str
    question: str
    runs: int
    contenders: Sequence[Contender]
    comparisons: Sequence[Comparison]
    reference: str = ""
    gpu_question: str = ""


@dataclass
class Outcome:
    """What was measured: samples by contender and metric, agreements, and who was left out and why."""

    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)


def run_in_turn(
    benchmark: Benchmark, runs: int, *, quick: bool, gpu: bool = False, tell: Callable[[str], None] = print
) -> Outcome:
    """A warm-up each, whose outputs are compared; then A B C, A B C, ... of those that agree.

    A GPU's warm-up compares alone, for its programs are others: who has nothing to compare sits it out. A contender
    without its environment, that fails, or that does other work is left out, with the reason.
    """
    outcome = Outcome()
    for contender in benchmark.contenders:
        if not PEERS[contender.environment].is_ready:
            outcome.excluded[contender.name] = f"no environment: python -m benchmarks setup {contender.environment}"

    for turn in range(runs + 1):
        outputs = {}
        for contender in benchmark.contenders:
            compared = contender.tolerance is not None or contender.name == benchmark.reference
            if contender.name in outcome.excluded or (gpu and turn == 0 and not compared):
                continue
            tell(f"{f'run {turn} of {runs}' if turn else 'warm-up'}: {contender.name}")
            try:
                with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
                    measured = contender.measure(Round(Path(directory), turn, turn == 0, quick, gpu))
            except RunError as failure:
                outcome.excluded[contender.name] = str(failure).partition("\n")[0]
                tell(f"{contender.name}: left out: {failure}")
                continue
            outputs[contender.name] = measured.output
            if turn > 0:
                tell("  " + ", ".join(f"{metric} {value:.4g}" for metric, value in measured.metrics.items()))
                samples = outcome.samples.setdefault(contender.name, {})
                for metric, value in measured.metrics.items():
                    samples.setdefault(metric, []).append(value)
        if turn == 0 and benchmark.reference:
            _judge(benchmark, outputs, outcome, tell, gpu=gpu)

    for name in outcome.excluded:
        outcome.samples.pop(name, None)
    return outcome


def _judge(
    benchmark: Benchmark,
    outputs: Mapping[str, np.ndarray | None],
    outcome: Outcome,
    tell: Callable[[str], None],
    *,
    gpu: bool,
) -> None:
    """Leave out whose outputs do not agree with the reference's, and everybody where it gave none."""
    tolerances = {
        each.name: each.gpu_tolerance if gpu and each.gpu_tolerance is not None else each.tolerance
        for each in benchmark.contenders
        if each.tolerance is not None and each.name in outputs
    }
    outcome.agreements = agreement(outputs, benchmark.reference, tolerances)
    for name in tolerances:
        found = outcome.agreements.get(name)
        tell(f"{name}: {found or 'nothing to agree with'}")
        if found is None:
            outcome.excluded[name] = f"there is no output of {benchmark.reference} to agree with"
        elif not found.agrees:
            outcome.excluded[name] = str(found)


OWN = {
    # Keras picks its backend by this variable, and a KerasHub user on JAX has to set it.
    "kerashub": {"KERAS_BACKEND": "jax"},
    # The `zoo` command sets it for itself, and docs/architecture.md tells users of Python of it.
    "zoo": {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
}


def run_worker(environment: str, script: str, job: Mapping[str, object], *, limit_s: float) -> dict[str, float]:
    """Run a worker; the `wall_s` and `peak_mib` of its process, and what it answers, of its GPU's memory, too."""
    command = [str(PEERS[environment].python), str(WORKERS / script), json.dumps(job)]
    text, metrics = run_process(command, limit_s=limit_s, extra=OWN.get(environment))
    try:
        return {**metrics, **json.loads(text.splitlines()[-1])}
    except (IndexError, ValueError):
        raise RunError(f"{script} answered no JSON line\n{text[-2000:]}") from None


def run_process(
    command: Sequence[str], *, limit_s: float, exit_code: int = 0, extra: Mapping[str, str] | None = None
) -> tuple[str, dict[str, float]]:
    """Run a command to its end; its stdout, and `wall_s` (seconds) and `peak_mib`.

    The peak is the kernel's own account of the largest process under the command, from `wait4`. It also counts
    the harness at the moment of the fork, some 20 MiB, so it says nothing about processes smaller than that.

    Raises:
        RunError: it ended with another exit code, or ran longer than `limit_s`.
    """
    environment = {name: value for name, value in os.environ.items() if name not in DROPPED}
    environment.update(SET, **(extra or {}))
    with tempfile.TemporaryDirectory() as nowhere, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        environment["BENCHMARK_STARTED"] = repr(started)
        process = subprocess.Popen(
            command, cwd=nowhere, env=environment, stdout=out, stderr=err, start_new_session=True
        )
        late = threading.Timer(limit_s, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            late.cancel()
        wall_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != exit_code:
            said = err.read().decode(errors="replace").strip()
            reason = f"over {limit_s:g} s" if wall_s >= limit_s else f"exit code {process.returncode}"
            raise RunError(f"{reason}: {said.rpartition(chr(10))[2]}\n{said[-2000:]}")
        return out.read().decode(errors="replace"), {"wall_s": wall_s, "peak_mib": usage.ru_maxrss / 1024}
