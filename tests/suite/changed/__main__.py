"""Run the tests that a change can reach, the nearest first: `python -m tests.suite.changed [--since COMMIT]`.

A test is reached where it imports what changed, or what uses it, or asks for a fixture that does; a plugin also
where the test speaks of it by name. The files are run in the order of nearness until the budget is spent, and what
is left is counted. `make test` runs everything. Other options are pytest's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.suite.changed.graph import Graph
from tests.suite.changed.since import changed, note_green, tree

ROOT = Path(__file__).parents[3]
BUDGET_S = 180.0
_NO_TEST = 5  # what pytest exits with where all tests are deselected
_LONGEST_S = 20.0  # what the last test may take that has begun


def main() -> None:
    began = time.time()
    parser = argparse.ArgumentParser(prog="python -m tests.suite.changed", description=__doc__)
    parser.add_argument("--since", default="", metavar="COMMIT", help="the last green run by default")
    parser.add_argument("--budget", type=float, default=BUDGET_S, metavar="SECONDS", help="0 runs all it reaches")
    parser.add_argument("--tree", action="store_true", help="print the tree of files as it is, and run nothing")
    parser.add_argument("--green", metavar="TREE", help="note that all tests pass with a tree, and run nothing")
    parser.add_argument("--list", action="store_true", help="print the files, and run none")
    given, own = parser.parse_known_args()
    if given.tree or given.green is not None:
        _keep(given.green)
        return
    since, files = changed(ROOT, given.since)
    reached = Graph(ROOT).reached(files)
    print(f"{len(files)} files changed {since}; {len(reached)} test files reach them.", flush=True)
    tests = sorted(reached, key=lambda file: (reached[file], file))
    if given.list or not tests:
        print("".join(f"{reached[file]} {file}\n" for file in tests), end="")
        return
    until = began + given.budget - _LONGEST_S if given.budget else float("inf")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.suite.changed.deadline"]
    command += ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *own, *tests]
    settings = os.environ | {"ZOO_TESTS_UNTIL": str(until)}
    code = subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode
    sys.exit(0 if code == _NO_TEST else code)


def _keep(green: str | None) -> None:
    """Print the tree, or note one as green; where there is no checkout, say so and no more."""
    try:
        if green:
            note_green(ROOT, green)
        elif green is None:
            print(tree(ROOT))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no green run is noted: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
