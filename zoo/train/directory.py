"""A run's directory while a process works in it: held by that process alone, and undone where nothing began."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from zoo.errors import RunError, ZooError
from zoo.train.checkpoints import saved_steps
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import recipe_text
from zoo.train.run import Run, next_free

try:
    import fcntl
except ImportError:  # Windows: nothing is locked
    fcntl = None

RUNS = Path("runs")
_HELD = ".lock"


class Directory:
    """A run's directory, held by this process for as long as the block lasts. Open it with `new` or `existing`.

    A new one is removed again where the block fails before `begin`.
    """

    def __init__(self, folder: Path, made: list[Path] | None) -> None:
        self.folder, self._made = folder, made
        self._descriptor = _hold(folder)

    def __enter__(self) -> Directory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        undone = self._made if kind is not None else None
        for name in ("recipe.toml", "run.lock") if undone is not None else ():
            with contextlib.suppress(OSError):  # of a disk that refuses, the error that ends the block tells
                (self.folder / name).unlink(missing_ok=True)
        self._release()
        for folder in undone or ():
            with contextlib.suppress(OSError):  # where another has put something in
                folder.rmdir()

    @classmethod
    def new(cls, recipe: Recipe) -> Directory:
        """The directory of a new run: the recipe's, or the next free one under `runs/`.

        Raises a ZooError where it holds a run or is held by one, a RunError where it cannot be made.
        """
        given = recipe.output.dir
        while True:
            folder = Path(given).expanduser() if given else next_free(RUNS / recipe.name)
            made = [path for path in (folder, *folder.parents) if not path.exists()]
            with writing(folder):
                try:
                    folder.mkdir(parents=True, exist_ok=bool(given))
                except FileExistsError:
                    if given:
                        raise
                    continue  # another run was faster
                directory = cls(folder, made)
            if not (folder / "recipe.toml").exists():
                return directory
            directory._release()
            raise ZooError(f"'{folder}' already holds a run.", fix="Choose another output.dir.")

    @classmethod
    def existing(cls, folder: str | Path) -> Directory:
        """The directory of a run.

        Raises a ZooError where it is none or another process works in it, a RunError where it cannot be written.
        """
        path = Run(folder).path
        with writing(path):
            return cls(path, None)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def write(self, recipe: Recipe, lock: dict[str, Any]) -> None:
        """Write `run.lock` and `recipe.toml`, each whole or not at all. Raises a RunError where that cannot be."""
        with writing(self.folder):
            replace_text(self.folder / "run.lock", json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
            replace_text(self.folder / "recipe.toml", recipe_text(recipe))

    def clear(self) -> None:
        """Remove a model and a report that an earlier process may not have finished."""
        for name in ("model", "adapter"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        with writing(self.folder):
            (self.folder / "report.html").unlink(missing_ok=True)

    def begin(self) -> None:
        """From now on there is something to keep, whatever happens."""
        self._made = None

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            (self.folder / _HELD).unlink(missing_ok=True)
        os.close(self._descriptor)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise a RunError for what the disk refuses within the block."""
    try:
        yield
    except OSError as error:
        raise RunError(f"The run could not be written to {folder}.", why=str(error)) from error


@contextlib.contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """As `writing`, of a run that trains: what the disk refuses is told with how to go on, once that can be."""
    try:
        with writing(folder):
            yield
    except ZooError as error:
        if error.fix or not isinstance(error.__cause__, OSError) or not saved_steps(folder / "checkpoints"):
            raise
        fix = f"Make room or let it be written, then go on: zoo finetune --resume {folder}"
        raise RunError(error.what, why=error.why, fix=fix) from error


def replace_text(path: Path, text: str) -> None:
    """Give a file this content, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def holder(folder: Path) -> str:
    """Which process works in a run's directory, as in `"process 123"`; empty where none does."""
    try:
        descriptor = os.open(folder / _HELD, os.O_RDWR)
    except OSError:
        return ""
    try:
        return "" if _locked(descriptor) else _owner(descriptor)
    finally:
        os.close(descriptor)


def _hold(folder: Path) -> int:
    path = folder / _HELD
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _locked(descriptor):
            owner = _owner(descriptor)
            os.close(descriptor)
            raise ZooError(
                f"'{folder}' is in use: a run is going on in it ({owner}).", fix="Wait until it has ended."
            )
        if _is_at(descriptor, path):
            break
        os.close(descriptor)  # removed by who held it before: another may have locked a new one by now
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _locked(descriptor: int) -> bool:
    """Lock a file until it is closed; False where another process has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system that knows no locks
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether a file that is open still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _owner(descriptor: int) -> str:
    return f"process {os.pread(descriptor, 20, 0).decode('ascii', 'replace')}"
