"""zoo.cli: the group of commands, how errors are told, and what is not imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from zoo.cli import COMMANDS

# Runs a command, then says on stderr which heavy or plugin modules it imported.
WATCHED = """
import json, sys
from zoo.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stopped:
    code = stopped.code
heavy = {"keras", "jax", "numpy", "pyarrow", "tokenizers", "transformers", "torch", "rich", "huggingface_hub"}
plugins = {"zoo_bert", "zoo_datasets"}
print(json.dumps({"code": code or 0, "imported": sorted((heavy | plugins) & sys.modules.keys())}), file=sys.stderr)
"""


def watched(*args: str, cwd) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *args], cwd=cwd, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("list",), 0),
        (("list", "--json"), 0),
        (("plugins",), 0),
        (("show", "minilm_l6"), 0),
        (("finetune", "--help"), 0),
        (("lst",), 2),
        (("finetune", "bert_bse", "--data", "gone.csv"), 2),
        (("finetune", "quickstart", "--set", "train.epoch=1"), 2),
    ],
)
def test_nothing_heavy_and_no_plugin_is_imported(tmp_path, args, code):
    assert watched(*args, cwd=tmp_path) == {"code": code, "imported": []}


def test_help_names_every_command(zoo):
    shown = zoo("--help")
    assert shown.code == 0
    for name, summary in COMMANDS.items():
        assert name in shown.out
        assert summary in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(zoo, name):
    shown = zoo(name, "--help")
    assert shown.code == 0
    assert f"Usage: zoo {name}" in shown.out
    assert "--json" in shown.out or "Commands:" in shown.out


@pytest.mark.parametrize("name", ["cache list", "cache prune", "plugins list", "plugins check", "plugins lock"])
def test_every_subcommand_has_help(zoo, name):
    shown = zoo(*name.split(), "--help")
    assert (shown.code, "--json" in shown.out) == (0, True)


def test_the_version_names_the_plugins(zoo):
    from zoo import __version__

    shown = zoo("--version")
    assert shown.out.startswith(f"zoo {__version__}\n")
    assert "plugin bert: keras-zoo" in shown.out


@pytest.mark.parametrize(("word", "meant"), [("finetun", "finetune"), ("lst", "list"), ("evalute", "evaluate")])
def test_a_wrong_command_gets_the_nearest(zoo, word, meant):
    told = zoo(word)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith(f"error: There is no command '{word}'. Did you mean '{meant}'?\n")
    assert "'zoo --help' shows them all." in told.err


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("list", "--jsn"), "--json"),
        (("show",), "Missing argument"),
        (("evaluate", "runs/x"), "--data"),
        (("--nonsense",), "--nonsense"),
        ((), "Usage: zoo"),
    ],
)
def test_a_wrong_call_is_told_with_its_usage(zoo, args, why):
    told = zoo(*args)
    assert told.code == 2
    assert why in told.err
    assert told.out == ""
