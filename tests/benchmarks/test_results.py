"""What is kept of a benchmark, on whatever machine."""

import os
import subprocess

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import results
from benchmarks.compare import Comparison
from benchmarks.harness import Benchmark, Outcome

TOY = Benchmark(
    "toy",
    "How long (2 a step)?",
    1,
    (),
    (Comparison("job", "wall_s", "a", "b", 0.5),),
    gpu_question="How long (64)?",
)


def kept(**options):
    outcome = Outcome(samples={"a": {"wall_s": [1.0]}, "b": {"wall_s": [4.0]}})
    return results.record(TOY, outcome, 1, revision="abc", load=0.1, quick=False, **options)


def test_a_gpus_result_asks_its_own_question_and_has_no_targets():
    record = kept(gpu=True)
    assert record["question"] == "How long (64)?"
    (line,) = results.lines_of(record)
    assert (line.at_most, line.met, line.ratio) == (None, None, 0.25)


def test_a_cpus_result_has_them():
    (line,) = results.lines_of(kept())
    assert (line.at_most, line.met) == (0.5, True)


def test_results_of_gpus_are_kept_apart_and_come_after_all_others(tmp_path):
    for record in (kept(gpu=True), kept(), {**kept(), "benchmark": "zebra"}):
        results.append(record, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.gpu.jsonl", "toy.jsonl", "zebra.jsonl"]
    found = [(record["benchmark"], record["gpu"]) for record in results.newest(tmp_path)]
    assert found == [("toy", False), ("zebra", False), ("toy", True)]


def nvidia_smi(folder, script):
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_hardware_has_the_gpu_that_nvidia_smi_tells_of(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    nvidia_smi(tmp_path, "echo 'NVIDIA H100 80GB HBM3, 81559 MiB'; echo another")
    assert results.hardware()["gpu"] == "NVIDIA H100 80GB HBM3, 81559 MiB"


@pytest.mark.parametrize("script", [None, "echo no devices were found; exit 6"])
def test_without_a_gpu_the_hardware_has_none(monkeypatch, tmp_path, script):
    monkeypatch.setenv("PATH", str(tmp_path))
    if script:
        nvidia_smi(tmp_path, script)
    assert "gpu" not in results.hardware()


def test_the_commit_is_git_s(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.delenv("ZOO_BENCH_COMMIT", raising=False)
    for arguments in (
        ("init", "-q"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a", "--allow-empty"),
    ):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    revision = results.commit()
    assert len(revision) == 10
    (tmp_path / "new").touch()
    assert results.commit() == f"{revision}+"


@pytest.mark.parametrize("path", [None, ""])
def test_without_history_or_git_the_commit_is_what_the_environment_says(monkeypatch, tmp_path, path):
    monkeypatch.setattr(results, "ROOT", tmp_path)
    if path is not None:
        monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("ZOO_BENCH_COMMIT", "abcdef")
    assert results.commit() == "abcdef"
    monkeypatch.delenv("ZOO_BENCH_COMMIT")
    assert results.commit() == "unknown"


def test_a_benchmark_without_a_job_for_a_gpu_says_so():
    done = CliRunner().invoke(command.main, ["cli", "--gpu"])
    assert done.exit_code == 1
    assert "'cli' has no job for a GPU" in done.output
