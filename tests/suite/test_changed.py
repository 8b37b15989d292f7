"""tests.suite.changed: which tests a change reaches, and what changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.suite.changed.graph import Graph
from tests.suite.changed.since import changed, note_green
from tests.suite.changed.since import tree as tree_of

ROOT = Path(__file__).parents[2]

CONFTEST = """
from tests.suite.always import forget
from tests.suite.haste import hurry
hurry()
def pytest_runtest_teardown():
    forget()
def loaded():
    import zoo
    zoo.load()
def plain(): ...
"""
FILES = {
    "zoo/__init__.py": '_HOMES = {"load": "zoo.loading"}\n',
    "zoo/loading.py": "def load():\n    from zoo.nn import norm\n",
    "zoo/nn/__init__.py": "from zoo.nn.layers import norm\nfrom zoo.nn.other import other\n",
    "zoo/nn/layers.py": "def norm(): ...\n",
    "zoo/nn/other.py": "def other(): ...\n",
    "plugins/zoo_bert/__init__.py": "def hook():\n    from zoo_bert import model\n",
    "plugins/zoo_bert/model.py": "from zoo.nn import other\n",
    "plugins/zoo_bert/zoo.toml": "[architectures.bert]\n",
    "presets/bert.toml": "",
    "tests/suite/haste.py": "def hurry(): ...\n",
    "tests/suite/always.py": "def forget(): ...\n",
    "tests/conftest.py": CONFTEST,
    "tests/test_loading.py": "def test_it(loaded): ...\n",
    "tests/test_plain.py": "def test_it(plain): ...\n",
    "tests/nn/test_layers.py": "from zoo.nn import norm\n",
    "tests/nn/test_other.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from zoo.nn import norm\n",
    "tests/tasks/test_words.py": 'def test_it(): load("tiny_bert")\n',
    "tests/presets/test_catalogues.py": "",
}
TESTS = [name for name in FILES if "/test_" in name]


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "reached"),
    [
        ("zoo/nn/layers.py", {"tests/nn/test_layers.py": 1, "tests/test_loading.py": 2}),
        ("zoo/nn/other.py", {"tests/nn/test_other.py": 1, "tests/tasks/test_words.py": 3}),
        ("zoo/loading.py", {"tests/test_loading.py": 1}),
        ("plugins/zoo_bert/model.py", {"tests/tasks/test_words.py": 2}),
        ("tests/test_plain.py", {"tests/test_plain.py": 0}),
        ("tests/conftest.py", dict.fromkeys(TESTS, 1)),
        ("tests/suite/haste.py", dict.fromkeys(TESTS, 2)),
        ("tests/suite/always.py", dict.fromkeys(TESTS, 2)),
        ("presets/bert.toml", {"tests/presets/test_catalogues.py": 0}),
        ("NOTES.md", {}),
    ],
)
def test_a_change_reaches_what_uses_it(tree, file, reached):
    found = Graph(tree).reached([file])

    assert found == reached


def test_what_all_tests_depend_on_reaches_all(tree):
    assert len(Graph(tree).reached(["pyproject.toml"])) == len(TESTS)


def test_of_the_real_tree_the_nearest_are_a_source_s_own():
    graph = Graph(ROOT)
    for source, own in {
        "zoo/nn/rotary.py": "tests/nn/test_rotary.py",
        "zoo/train/order.py": "tests/train/test_order.py",
        "plugins/zoo_bert/model.py": "tests/plugins/zoo_bert/test_model.py",
        "zoo/cli/predict.py": "tests/cli/test_predict.py",
    }.items():
        assert graph.reached([source])[own] == 1
    gemma = graph.reached(["plugins/zoo_gemma/config.py"])
    assert "tests/adapters/test_peft.py" in gemma  # whose fixtures speak of it, and import nothing of it
    assert "tests/hub/test_memo.py" not in gemma


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)

    def git(*args):
        settings = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *settings, *args], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    for name in ("kept", "edited", "removed"):
        (tmp_path / name).write_text(name)
    git("add", "--all")
    git("commit", "-qm", "one")
    return tmp_path


def test_what_changed_since_a_commit_or_the_last_green_run(checkout):
    assert changed(checkout) == ("since the last commit (no green run is known)", [])
    (checkout / "edited").write_text("other")
    (checkout / "removed").unlink()
    (checkout / "new").write_text("new")
    assert changed(checkout)[1] == ["edited", "new", "removed"]
    note_green(checkout, tree_of(checkout))
    assert changed(checkout) == ("since the last green run", [])
    (checkout / "kept").write_text("changed")
    assert changed(checkout) == ("since the last green run", ["kept"])
    assert changed(checkout, "HEAD") == ("since HEAD", ["edited", "kept", "new", "removed"])
