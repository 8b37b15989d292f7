"""Run Python code in forks of a process that has imported Keras.

    with Forks() as forks:
        done = forks.run("import zoo; ...", env=os.environ, timeout=100)

What a forked process sees is what a new one sees after these imports: its own environment, directory and standard
streams. jax has no threads before it is first used. What is read at import (`JAX_*`, `KERAS_*`, `XLA_FLAGS`) is the
server's. A test of what is imported, or of a process's start, needs a process of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.backend import use_jax

_ROOT = Path(__file__).parents[2]
_BEFORE = ("httpx", "jinja2", "numpy", "pyarrow.csv", "pyarrow.parquet", "tokenizers")
_AT_IMPORT = ("JAX_", "KERAS_", "XLA_", "PYTHONHASHSEED")


class Forks:
    """A process that waits to be forked, by several threads at once if need be; it ends with the `with` block."""

    def __enter__(self) -> Forks:
        self._home = tempfile.TemporaryDirectory()
        self._address = str(Path(self._home.name, "forks"))
        command = [sys.executable, "-c", f"from {__name__} import serve; serve({self._address!r})"]
        self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=_ROOT)
        assert self._server.stdout is not None
        self._settings = _read_at_import(os.environ)
        if not self._server.stdout.readline():  # which it writes when it listens
            self.__exit__()
            raise RuntimeError("the process that is to be forked has ended")
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._server.stdout is not None
        self._server.kill()
        self._server.stdout.close()
        self._server.wait()
        self._home.cleanup()

    def run(
        self, code: str, *args: str, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -c code args` in the directory of this process.

        Raises:
            subprocess.TimeoutExpired: it was killed after `timeout` seconds.
            ValueError: `env` differs from this process's in what is read at import.
        """
        if _read_at_import(env) != self._settings:
            raise ValueError("these settings are read at import: use a process of its own")
        with tempfile.TemporaryDirectory(dir=self._home.name) as home:
            out, err = (Path(home, name) for name in ("out", "err"))
            asked = {"code": code, "args": args, "env": dict(env), "cwd": os.getcwd(), "timeout": timeout}
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(self._address)
                with connection.makefile("rw", encoding="utf-8") as lines:
                    lines.write(json.dumps({**asked, "out": str(out), "err": str(err)}) + "\n")
                    lines.flush()
                    ended = json.loads(lines.readline() or '"no answer"')
            if ended == "no answer":
                raise RuntimeError("the fork has ended without an answer; its server's stderr says why")
            if ended is None:
                raise subprocess.TimeoutExpired(code, timeout, out.read_text(), err.read_text())
            return subprocess.CompletedProcess(code, ended, out.read_text("utf-8"), err.read_text("utf-8"))


def serve(address: str) -> None:
    """Import, then fork for each connection: it runs what is asked for and answers with the exit code."""
    _end_with_parent()
    for name in _BEFORE:
        __import__(name)
    use_jax(lean=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("listening", flush=True)
        while True:
            connection, _ = listening.accept()
            if not os.fork():
                listening.close()
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> None:
    """Run what a connection asks for and tell its exit code, null where it took too long; does not return."""
    try:
        _end_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with connection.makefile("rw", encoding="utf-8") as lines:
            asked = json.loads(lines.readline())
            child = os.fork()
            if not child:
                connection.close()
                _become(asked)
            lines.write(json.dumps(_code_of(child, asked["timeout"])) + "\n")
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _code_of(child: int, timeout: float) -> int | None:
    """The exit code of a child, or minus the signal that ended it; None where it had to be killed."""
    slow = False

    def late(number: int, frame: Any) -> None:
        nonlocal slow
        slow = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        _, status = os.waitpid(child, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None if slow else os.waitstatus_to_exitcode(status)


def _become(asked: Mapping[str, Any]) -> None:
    """Be a new interpreter with this code, arguments and environment; does not return."""
    code = 1
    try:
        _end_with_parent()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for name, stream in (("out", 1), ("err", 2)):
            file = os.open(asked[name], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            os.dup2(file, stream)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv = ["-c", *asked["args"]]
        sys.path[1:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        code = _executed(asked["code"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _read_at_import(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_IMPORT)}


def _end_with_parent() -> None:
    """Have this process killed when the one that made it ends, on Linux."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


def _executed(source: str) -> int:
    """Run a program, and give its exit code."""
    try:
        exec(compile(source, "<string>", "exec"), {"__name__": "__main__"})
        code: Any = 0
    except SystemExit as end:
        code = end.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does at its end, before atexit
    atexit._run_exitfuncs()
    return int(code or 0)
