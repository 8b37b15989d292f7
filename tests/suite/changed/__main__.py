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
from tests.suite.changed.since import changed, note_green

ROOT = Path(__file__).parents[3]
BUDGET_S = 180.0
_LONGEST_S = 20.0  # what the last test may take that has begun


def main() -> None:
    began = time.time()
    parser = argparse.ArgumentParser(prog="python -m tests.suite.changed", description=__doc__)
    parser.add_argument("--since", default="", metavar="COMMIT", help="the last green run by default")
    parser.add_argument("--budget", type=float, default=BUDGET_S, metavar="SECONDS", help="0 runs all it reaches")
    parser.add_argument("--green", action="store_true", help="note that all tests pass with the files as they are")
    parser.add_argument("--list", action="store_true", help="print the files, and run none")
    given, own = parser.parse_known_args()
    if given.green:
        note_green(ROOT)
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
    sys.exit(
        subprocess.run(command, cwd=ROOT, env=os.environ | {"ZOO_TESTS_UNTIL": str(until)}, check=False).returncode
    )


if __name__ == "__main__":
    main()
