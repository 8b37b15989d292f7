"""The README's table, made from kept records."""

import io
import json

import pytest
from rich.console import Console

from benchmarks import results, table
from benchmarks.table import BEGIN, END, conditions, render, rewrite, show


def line(**changes):
    return {
        "what": "first embedding",
        "metric": "first_s",
        "ours": "zoo",
        "theirs": "KerasHub",
        "at_most": 0.4,
        "of": "ratio",
        "our_value": 3.0,
        "their_value": 10.0,
        "ratio": 0.3,
        "met": True,
    } | changes


def kept(**changes):
    return {
        "benchmark": "load",
        "question": "How long?",
        "date": "2030-01-02T03:04:05+00:00",
        "commit": "abc",
        "runs": 5,
        "load_before": 0.1,
        "hardware": {"cpu": "Some CPU", "cores": 2, "memory_gib": 23.5, "system": "Linux", "python": "3.11.9"},
        "versions": {"zoo": {"keras-zoo": "0.1.0"}, "kerashub": {"keras-hub": "0.32.0"}},
        "lines": [line()],
        "samples": {"zoo": {"first_s": [3.0]}, "KerasHub": {"first_s": [10.0]}},
        "agreement": {"KerasHub": {"difference": 2.4e-4, "tolerance": 5e-3, "agrees": True}},
        "excluded": {},
    } | changes


def test_a_line_opens_with_the_ratio_and_names_both_values():
    row = "| first embedding | **0.30x** | 3 s | 10 s (KerasHub) | at most 0.4x: met |"
    assert row in render([kept()]).splitlines()


def test_a_missed_target_stays_visible():
    assert "| at most 0.4x: **missed** |" in render([kept(lines=[line(ratio=0.5, met=False)])])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metric": "peak_mib", "our_value": 1234.5}, "| 1,234 MiB |"),
        ({"metric": "wall_s", "our_value": 0.1234, "of": "value", "at_most": 0.15}, "| 0.123 s |"),
        ({"metric": "wall_s", "our_value": 491.6}, "| 492 s |"),
        ({"metric": "pictures_per_s", "our_value": 1234.5}, "| 1,234 a second |"),
        ({"metric": "accuracy", "our_value": 0.8349, "of": "shortfall", "at_most": 0.01}, "| 83.5% |"),
        ({"of": "value", "at_most": 0.15}, "| at most 0.15 s: met |"),
        ({"of": "shortfall", "at_most": 0.01}, "| at most 1 point less: met |"),
        ({"of": "excess", "at_most": 0.002, "metric": "step_s"}, "| at most 0.002 s more: met |"),
        ({"of": "value", "at_most": 0.0, "metric": "compiled_programs"}, "| at most 0: met |"),
        ({"at_most": None, "met": None}, "(KerasHub) |  |"),
    ],
)
def test_values_and_targets_have_their_units(changes, expected):
    assert expected in render([kept(lines=[line(**changes)])])


def test_accuracies_are_told_apart_in_points():
    text = render([kept(lines=[line(metric="accuracy", of="shortfall", our_value=0.832, their_value=0.84)])])
    assert "| **-0.8 points** | 83.2% | 84.0% (KerasHub) |" in text


def test_under_the_table_stand_machine_versions_and_who_was_left_out():
    text = render([kept(excluded={"Trainer": "exit code 1: boom"})])
    assert "Some CPU, 2 cores, 24 GiB" in text
    assert "Python 3.11.9; keras-zoo 0.1.0; keras-hub 0.32.0" in text
    assert "Trainer is left out: exit code 1: boom." in text
    assert conditions(kept()).startswith("Medians of 5 runs")
    assert conditions(kept(runs=1)).startswith("One run of each. Some CPU")


def on_a_gpu(**changes):
    gpu = {"gpu": "NVIDIA H100 80GB HBM3, 81559 MiB"}
    samples = {"zoo": {"first_s": [3.0], "wall_s": [9.0], "mfu": [0.123]}, "KerasHub": {"first_s": [10.0]}}
    return kept(gpu=True, hardware=kept()["hardware"] | gpu, samples=samples, **changes)


def test_a_gpus_result_names_it_and_what_stands_in_no_line():
    text = render([on_a_gpu()])
    assert "NVIDIA H100 80GB HBM3, 81559 MiB; Some CPU, 2 cores" in text
    assert "<sub>zoo: mfu 12.3%.</sub>" in text
    assert "mfu" not in render([kept(samples=on_a_gpu()["samples"])])


def test_a_busy_cpu_says_little_of_a_gpu():
    assert "DISTURBED" not in conditions(on_a_gpu(load_before=2.5))


def test_a_result_from_a_busy_machine_says_so():
    assert "DISTURBED" not in conditions(kept())
    assert "DISTURBED by other work (load 2.5)" in conditions(kept(load_before=2.5))


def test_the_readme_changes_between_the_marks_only_and_twice_is_once(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rewrite(readme, [kept()])
    once = readme.read_text()
    rewrite(readme, [kept()])
    assert readme.read_text() == once
    assert once.startswith(f"before\n{BEGIN}\n**How long?**")
    assert once.endswith(f"\n{END}\nafter\n")
    assert "old" not in once


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}\n{END}\n{BEGIN}\n{END}"])
def test_a_readme_without_the_two_marks_is_left_alone(tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(ValueError, match="needs one line"):
        rewrite(readme, [kept()])
    assert readme.read_text() == text


def test_the_newest_record_of_each_benchmark_counts(tmp_path):
    for commit in ("old", "new"):
        results.append(kept(commit=commit), tmp_path)
    results.append(kept(benchmark="cli"), tmp_path)
    assert [(each["benchmark"], each["commit"]) for each in results.newest(tmp_path)] == [
        ("cli", "abc"),
        ("load", "new"),
    ]
    assert len((tmp_path / "load.jsonl").read_text().splitlines()) == 2


def test_a_result_is_shown_with_its_agreement_and_its_failures():
    out = io.StringIO()
    show(kept(excluded={"Trainer": "no environment"}), Console(file=out, width=160))
    for expected in ("0.30x", "outputs differ by 2.4e-04", "Trainer: left out: no environment", "Some CPU"):
        assert expected in out.getvalue()


def test_what_is_in_no_line_is_shown_beside():
    out = io.StringIO()
    zoo = {"first_s": [3.0], "wall_s": [7.0, 9.0, 8.0], "mfu": [0.31, 0.3, 0.33]}
    samples = {"zoo": zoo, "alone": {"mfu": [0.5]}}
    show(kept(samples=samples), Console(file=out, width=160))
    assert "zoo: wall_s 8 s, mfu 31.0%\n" in out.getvalue()
    assert "alone: mfu 50.0%\n" in out.getvalue()
    assert "first_s" not in out.getvalue()


def test_a_record_is_plain_json_and_its_lines_come_back():
    again = json.loads(json.dumps(kept()))
    (found,) = results.lines_of(again)
    assert (found.what, found.ratio, found.met) == ("first embedding", 0.3, True)
    assert table.cells(found)[1] == "0.30x"
