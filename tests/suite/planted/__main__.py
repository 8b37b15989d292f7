"""Plant faults one by one, and tell which of them the tests find: `python -m tests.suite.planted [NAME...]`.

Each fault of `faults.toml` is one change of one file. It is made in a copy of the tree, where the tests that belong
to the file are run until one fails. A fault that no test finds is printed, and the command exits with 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

FAULTS = Path(__file__).with_name("faults.toml")
ROOT = FAULTS.parents[3]
TIMEOUT_S = 600.0
_OUTCOMES = {0: "NOT FOUND", 1: "found"}  # pytest's exit codes; any other says that the tests could not be run


@dataclass(frozen=True)
class Fault:
    """A change of `file`: `old`, which is there once, becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """The result of a fault, and the seconds it took."""

    fault: Fault
    told: str
    seconds: float


def read_faults(names: Sequence[str] = ()) -> list[Fault]:
    """The faults of `faults.toml`, all of them or those named.

    Raises:
        KeyError: there is no such fault.
    """
    every = {name: Fault(name, **fault) for name, fault in tomllib.loads(FAULTS.read_text("utf-8")).items()}
    return [every[name] for name in names] if names else list(every.values())


def planted(source: str, fault: Fault) -> str:
    """The source with the fault in it.

    Raises:
        ValueError: the place is not there, or there are several.
    """
    if source.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: {fault.file} has its place {source.count(fault.old)} times")
    return source.replace(fault.old, fault.new)


def copy_tree(target: Path, commit: str = "") -> None:
    """Copy the files of a commit, or those of the working tree, that git knows or would add."""
    for package, folder in (("zoo_presets", "presets"), ("zoo_recipes", "recipes")):
        (target / package).symlink_to(target / folder)  # by which they are imported from here
    if commit:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(target, filter="data")
        return
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in filter(None, subprocess.check_output(command, cwd=ROOT, text=True).split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def plant(tree: Path, fault: Fault) -> Outcome:
    """Run the fault's tests with the fault in the tree, which is left as it was."""
    path = tree / fault.file
    sound = path.read_text("utf-8")
    began = time.monotonic()
    path.write_text(planted(sound, fault), "utf-8")
    places = os.pathsep.join(str(tree / name) for name in ("", "plugins"))
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *fault.tests]
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=os.environ | {"PYTHONPATH": places},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        told = _OUTCOMES.get(done.returncode) or f"not run: {done.stdout[-2000:]}"
        told = " by ".join((told, *(line.split()[1].partition("/")[2][:70] for line in failed[:1])))
    except subprocess.TimeoutExpired:
        told = "found by a test that does not end"
    finally:
        path.write_text(sound, "utf-8")
    return Outcome(fault, told, time.monotonic() - began)


def plant_all(faults: Sequence[Fault], commit: str = "", jobs: int = 2) -> Iterator[Outcome]:
    """Plant the faults, in as many copies of the tree at a time as there are jobs."""
    with tempfile.TemporaryDirectory() as home:
        own = threading.local()

        def run(fault: Fault) -> Outcome:
            if not hasattr(own, "tree"):
                own.tree = Path(tempfile.mkdtemp(dir=home))
                copy_tree(own.tree, commit)
            return plant(own.tree, fault)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(run, faults)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.suite.planted", description=__doc__)
    parser.add_argument("names", nargs="*", help="faults of faults.toml; all of them by default")
    parser.add_argument("--at", default="", metavar="COMMIT", help="plant them in the tree of a commit")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    missed = 0
    faults = read_faults(given.names)
    for outcome in plant_all(faults, given.at, given.jobs):
        print(f"{outcome.fault.name:42} {outcome.seconds:6.1f} s  {outcome.told}", flush=True)
        missed += not outcome.told.startswith("found")
    print(f"{len(faults) - missed} of {len(faults)} faults found")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
