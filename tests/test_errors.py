"""zoo.errors"""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import Faults, RunError, ZooError, counted, did_you_mean, some


def test_an_error_tells_what_then_every_fact_then_what_to_do():
    error = ZooError("It broke.", why=["one", "two"], fix="Mend it.")
    assert str(error) == "It broke.\n  - one\n  - two\nMend it."
    assert str(ZooError("It broke.", why="one")) == "It broke.\n  - one"
    assert str(ZooError("It broke.")) == "It broke."


def test_wrong_requests_exit_with_2_and_failed_runs_with_1():
    assert (ZooError.exit_code, RunError.exit_code) == (2, 1)
    assert issubclass(RunError, ZooError)


@pytest.mark.parametrize("kind", [ZooError, RunError])
def test_an_error_survives_the_way_between_processes(kind):
    back = pickle.loads(pickle.dumps(kind("what", why=["fact"], fix="fix")))
    assert type(back) is kind
    assert (back.what, back.why, back.fix, str(back)) == ("what", ["fact"], "fix", "what\n  - fact\nfix")


def test_faults_are_told_all_at_once():
    faults = Faults()
    faults.check("No faults, no error.")
    assert not faults
    faults.add("first")
    faults.add("second")
    assert faults
    with pytest.raises(ZooError) as caught:
        faults.check("Two faults.", fix="Mend both.")
    assert caught.value.why == ["first", "second"]
    assert caught.value.fix == "Mend both."


def test_the_nearest_name_is_suggested_and_a_far_one_is_not():
    known = ["bert_base", "bert_large", "minilm_l6"]
    assert did_you_mean("bert_bse", known) == " Did you mean 'bert_base'?"
    assert did_you_mean("minilm", known) == " Did you mean 'minilm_l6'?"
    assert did_you_mean("whale", known) == ""
    assert did_you_mean("", known) == ""
    assert did_you_mean("bert_base", []) == ""


@given(st.lists(st.integers()), st.integers(1, 20))
def test_a_long_list_is_cut_and_says_how_much_is_missing(items, limit):
    told = some(items, limit)
    shown = ", ".join(map(str, items[:limit]))
    more = len(items) - limit
    assert told == (shown if more <= 0 else f"{shown}, ... ({more} more)")


def test_a_number_of_things():
    assert [counted(n, "row") for n in (0, 1, 2, 1204)] == ["0 rows", "1 row", "2 rows", "1,204 rows"]
    assert [counted(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]
