"""tests.suite.forking: a forked process is a new one, but for what it has imported."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "import sys; print(sys.argv[1:]); print('told', file=sys.stderr)",
        "import os; print(os.getcwd(), os.environ['OWN'], sorted(os.environ))",
        "raise SystemExit",
        "import sys; sys.exit(3)",
        "raise SystemExit('in words')",
        "import atexit; atexit.register(print, 'at the end'); print('first')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
        "import os; os.kill(os.getpid(), 9)",
        "import own_module; print(own_module.__name__, __name__)",
    ],
)
def test_it_does_what_a_new_process_does(forks, tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "own_module.py").touch()
    env = {**os.environ, "OWN": "x", "PYTHONPATH": str(tmp_path / "site")}
    new = subprocess.run(
        [sys.executable, "-c", code, "a", "b c"], env=env, capture_output=True, text=True, check=False
    )

    done = forks.run(code, "a", "b c", env=env, timeout=20)

    assert (done.returncode, done.stdout, done.stderr) == (new.returncode, new.stdout, new.stderr)


def test_an_error_is_told_and_leaves_the_next_one_alone(forks):
    failed = forks.run("x = 1\nraise ValueError('no')", env=os.environ, timeout=20)
    assert failed.returncode == 1
    assert failed.stderr.endswith("ValueError: no\n")
    assert forks.run("print('x' in globals())", env=os.environ, timeout=20).stdout == "False\n"


def test_what_takes_too_long_is_killed(forks):
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run("import time; time.sleep(60)", env=os.environ, timeout=0.5)
    assert forks.run("print(1)", env=os.environ, timeout=20).stdout == "1\n"


def test_several_threads_have_processes_of_their_own_at_once(forks, tmp_path):
    code = """
import pathlib, sys, time
own, other = map(pathlib.Path, sys.argv[1:])
own.touch()
while not other.exists():
    time.sleep(0.01)
print(own.name)
"""
    names = [str(tmp_path / name) for name in "ab"]
    with ThreadPoolExecutor() as pool:
        found = pool.map(
            lambda args: forks.run(code, *args, env=os.environ, timeout=20).stdout, (names, names[::-1])
        )
    assert list(found) == ["a\n", "b\n"]


def test_keras_is_there_and_jax_computes(forks):
    code = "import sys; assert 'keras' in sys.modules; import jax; print(jax.jit(lambda x: x + 1)(1))"
    assert forks.run(code, env=os.environ, timeout=60).stdout == "2\n"
