"""zoo.cli: the group of commands, how errors are told, and what is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from zoo.cli import COMMANDS
from zoo.cli.huge_pages import _asks_process, _has_glibc, use_huge_pages

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


# Huge pages

ENTRY = "import sys; sys.argv[0] = 'zoo'; from zoo.cli import main; main()"


@pytest.mark.parametrize(("command", "asks"), [("evaluate", True), ("list", False)])
def test_commands_that_compute_ask_for_huge_pages(tmp_path, command, asks):
    """In a process of its own, which is watched while it starts itself anew."""
    (tmp_path / "sitecustomize.py").write_text("import os; print(os.environ.get('GLIBC_TUNABLES', 'none'))")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "GLIBC_TUNABLES": "glibc.malloc.check=0"}
    done = subprocess.run(
        [sys.executable, "-c", ENTRY, command, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    seen = [line for line in done.stdout.splitlines() if line.startswith("glibc")]
    offered = _asks_process() and _has_glibc()
    again = ["glibc.malloc.check=0:glibc.malloc.hugetlb=1"] if asks and offered else []
    assert seen == ["glibc.malloc.check=0", *again]
    assert "Usage: zoo" in done.stdout


def test_huge_pages_that_were_refused_are_not_asked_for(monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    monkeypatch.setattr("os.execv", lambda *args: pytest.fail("started anew"))
    use_huge_pages()


@pytest.mark.parametrize("program", ["zoo", "-"])
def test_a_command_goes_on_where_it_cannot_start_itself_anew(monkeypatch, program):
    tried = []

    def refused(*args):
        tried.append(args)
        raise PermissionError

    monkeypatch.setattr("zoo.cli.huge_pages._asks_process", lambda: True)
    monkeypatch.setattr("zoo.cli.huge_pages._has_glibc", lambda: True)
    monkeypatch.setattr("os.execv", refused)
    monkeypatch.setattr("sys.argv", [program, "finetune"])
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    use_huge_pages()
    assert len(tried) == (program == "zoo")  # of a program that came from standard input, nothing is left to start


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has this device")
@pytest.mark.parametrize("args", [("list",), ("finetune", "--keys"), ("show", "minilm_l6", "--json")])
def test_a_disk_that_is_full_of_output_is_told(args):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from zoo.cli import main; main(sys.argv[1:])", *args],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "error: The output could not be written.",
            "  - [Errno 28] No space left on device",
            "Make room where it goes, or send it elsewhere.",
        ],
    )
