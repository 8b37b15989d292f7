"""Processes measured from outside, and the order and exclusions of a benchmark."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import harness, peers
from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Contender, Measurement, RunError, run_in_turn, run_process, run_worker
from benchmarks.peers import PEERS


@pytest.fixture(autouse=True)
def only_zoo_is_set_up(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "ENVIRONMENTS", tmp_path)
    PEERS["zoo"].marker.parent.mkdir(parents=True)
    PEERS["zoo"].marker.touch()


def python(statement, **options):
    return run_process([sys.executable, "-c", statement], limit_s=options.pop("limit_s", 60), **options)


def test_a_process_gives_its_output_its_time_and_its_peak():
    # From a process of its own, as benchmarks are run: the system counts a large parent's memory into the peak.
    measured = """
import json, sys
from benchmarks.harness import run_process
held = "import time; held = b'x' * (300 << 20); time.sleep(0.2); print('done')"
print(json.dumps(run_process([sys.executable, "-c", held], limit_s=60)))
"""
    told = subprocess.run([sys.executable, "-c", measured], capture_output=True, text=True, check=True)
    text, metrics = json.loads(told.stdout)
    assert text == "done\n"
    assert 0.2 <= metrics["wall_s"] < 30
    assert 300 <= metrics["peak_mib"] < 600


def test_a_worker_can_tell_the_time_since_it_was_started():
    script = "import os, time; print(time.monotonic() - float(os.environ['BENCHMARK_STARTED']))"
    text, metrics = python(script)
    assert 0 < float(text) <= metrics["wall_s"]


def test_a_worker_may_know_its_peak_better_than_its_process_tells(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "WORKERS", tmp_path)
    PEERS["zoo"].python.parent.mkdir()
    PEERS["zoo"].python.symlink_to(Path(sys.executable).resolve())
    (tmp_path / "worker.py").write_text("print('at first'); print('{\"peak_mib\": 7.0, \"token_s\": 2.0}')")
    found = run_worker("zoo", "worker.py", {}, limit_s=60)
    assert (found["peak_mib"], found["token_s"]) == (7.0, 2.0)
    assert found["wall_s"] > 0


def test_a_failure_says_what_the_process_said():
    with pytest.raises(RunError, match=r"^exit code 1: no such thing\nat first\nno such thing$"):
        python("raise SystemExit('at first\\nno such thing')")


def test_an_expected_exit_code_is_no_failure():
    python("raise SystemExit(2)", exit_code=2)


def test_a_process_over_its_limit_is_ended():
    began = time.monotonic()
    with pytest.raises(RunError, match=r"over 0\.3 s"):
        python("import time; time.sleep(60)", limit_s=0.3)
    assert time.monotonic() - began < 30


def test_the_shells_own_settings_do_not_reach_a_contender(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert python("import os; print('PYTHONPATH' in os.environ)")[0] == "False\n"


class Recorder:
    """Contenders that note the order in which they are called."""

    def __init__(self):
        self.calls = []

    def contender(self, name, offset=0.0, fails_at=None, environment="zoo", gpu_tolerance=None):
        def measure(turn):
            self.calls.append((turn.seed, name))
            if turn.seed == fails_at:
                raise RunError("broke\nand all that it said")
            return Measurement({"wall_s": float(turn.seed)}, np.full(3, offset))

        return Contender(name, environment, measure, 1e-3 if name == "b" else None, gpu_tolerance)

    def run(self, *contenders, runs=2, gpu=False):
        comparisons = (Comparison("job", "wall_s", "a", "b"),)
        benchmark = Benchmark("toy", "how long?", 2, contenders, comparisons, reference="a")
        return run_in_turn(benchmark, runs, quick=True, gpu=gpu, tell=lambda line: None)


def test_contenders_take_turns_after_a_warm_up_that_is_not_counted():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a"), recorder.contender("b"))
    assert recorder.calls == [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert outcome.samples == {"a": {"wall_s": [1.0, 2.0]}, "b": {"wall_s": [1.0, 2.0]}}
    assert outcome.excluded == {}


def test_who_does_other_work_is_not_timed():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a"), recorder.contender("b", offset=0.25))
    assert (1, "b") not in recorder.calls
    assert "2.5e-01" in outcome.excluded["b"]
    assert outcome.agreements["b"].difference == 0.25


@pytest.mark.parametrize(("gpu", "counted"), [(False, False), (True, True)])
def test_a_gpus_work_is_judged_by_a_tolerance_of_its_own(gpu, counted):
    recorder = Recorder()
    other = recorder.contender("b", offset=0.25, gpu_tolerance=0.3)
    outcome = recorder.run(recorder.contender("a"), other, gpu=gpu)
    assert ("b" in outcome.samples) is counted


def test_without_one_of_its_own_a_gpus_tolerance_is_the_same():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a"), recorder.contender("b", offset=0.25), gpu=True)
    assert outcome.agreements["b"].tolerance == 1e-3


@pytest.mark.parametrize(("gpu", "warmed_up"), [(False, "abc"), (True, "ab")])
def test_on_a_gpu_only_who_is_compared_is_warmed_up(gpu, warmed_up):
    recorder = Recorder()
    outcome = recorder.run(*map(recorder.contender, "abc"), runs=1, gpu=gpu)
    assert recorder.calls == [(0, name) for name in warmed_up] + [(1, name) for name in "abc"]
    assert set(outcome.samples) == set("abc")


def test_who_fails_is_left_out_with_the_reason_and_the_others_go_on():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a"), recorder.contender("b", fails_at=1))
    assert outcome.excluded == {"b": "broke"}
    assert set(outcome.samples) == {"a"}
    assert (2, "b") not in recorder.calls


def test_who_failed_in_the_warm_up_is_named_once_and_by_its_failure():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a"), recorder.contender("b", fails_at=0))
    assert outcome.excluded == {"b": "broke"}


def test_nobody_is_timed_where_the_reference_gives_nothing_to_agree_with():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a", fails_at=0), recorder.contender("b"))
    assert recorder.calls == [(0, "a"), (0, "b")]
    assert outcome.excluded["b"] == "there is no output of a to agree with"


def test_a_missing_environment_names_the_command_that_makes_it():
    recorder = Recorder()
    outcome = recorder.run(recorder.contender("a"), recorder.contender("b", environment="kerashub"))
    assert outcome.excluded == {"b": "no environment: python -m benchmarks setup kerashub"}
