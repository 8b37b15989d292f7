"""`checkpoints/` of a run: where it stood, saved while it goes on, by orbax.

A checkpoint is written beside, renamed when it is whole, and sealed with the sha256 of its files. Only then are
older ones removed, so that at every moment there is one to go on from. orbax itself notices a flipped bit in an
array as little as the disk does; the seal does.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import RunError, some
from zoo.hub.verify import sha256_of

SEAL = "sha256.json"
SAVING = "saving a checkpoint"  # the thread's name
_KEPT = 2
_SWEEPING = 10.0  # seconds at most


@dataclass(frozen=True)
class Checkpoint:
    """What was saved.

    Args:
        step: how many steps were done.
        arrays: a tree of arrays: the state of the variables, and the best weights so far.
        facts: all else that training goes on from, as JSON has it.
        damaged: what is wrong with newer checkpoints, which could not be used.
    """

    step: int
    arrays: Any
    facts: dict[str, Any]
    damaged: list[str]


class Checkpoints:
    """Saves checkpoints in the background and restores the newest that is sound.

    A `with` block ends when what is being saved is whole or has failed, also where an error ends it: nothing writes
    into the folder of a run that is over.

    Args:
        folder: the run's `checkpoints/`. What a killed save left there is removed.
        steps: save after every so many steps; 0 for never.
        minutes: save after so many minutes; 0 for never.
    """

    def __init__(self, folder: Path, steps: int = 0, minutes: float = 0.0) -> None:
        import orbax.checkpoint as ocp

        logging.getLogger("absl").addFilter(_not_orbax)
        self.folder, self.steps, self.seconds = folder.absolute(), steps, 60 * minutes
        self.last = time.monotonic()
        self._orbax = ocp.AsyncCheckpointer(ocp.CompositeCheckpointHandler())
        self._sealing: threading.Thread | None = None
        self._failure: Exception | None = None
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *error: object) -> None:
        if self._sealing:
            self._sealing.join()

    def due(self, step: int) -> bool:
        """Whether it is time to save."""
        often = bool(self.steps) and step % self.steps == 0
        return often or (bool(self.seconds) and time.monotonic() - self.last >= self.seconds)

    @property
    def busy(self) -> bool:
        """Whether a save is still going on."""
        return self._sealing is not None and self._sealing.is_alive()

    def save(self, step: int, arrays: dict[str, Any], facts: dict[str, Any]) -> bool:
        """Save in the background; False where the save before is still going on, which nothing waits for.

        Args:
            arrays: trees of arrays by name.
            facts: all else, as JSON has it. Both are the caller's again when this returns.

        Raises a RunError where the save before failed.
        """
        if self.busy:
            return False
        self.wait()
        import jax
        import orbax.checkpoint as ocp

        needed = sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))
        if (free := shutil.disk_usage(self.folder).free) < needed:
            self._fail(f"it needs {needed:,} bytes, and {free:,} are free")
        trees = {name: ocp.args.StandardSave(tree) for name, tree in arrays.items()}
        kept = ocp.args.JsonSave(copy.deepcopy(facts))  # which orbax writes down later, while records are added
        try:
            self._orbax.save(self._home(step), args=ocp.args.Composite(facts=kept, **trees))
        except Exception as error:  # of the disk, or of the library that met it
            self._fail(str(error))
        self.last = time.monotonic()
        self._sealing = threading.Thread(target=self._seal, args=(step,), name=SAVING, daemon=True)
        self._sealing.start()
        return True

    def wait(self) -> None:
        """Wait until what is being saved is whole. Raises a RunError where it could not be."""
        if self._sealing:
            self._sealing.join()
        self._sealing, failure, self._failure = None, self._failure, None
        if failure:
            self._fail(str(failure))

    def restore(self, templates: dict[str, Any]) -> Checkpoint | None:
        """The newest sound checkpoint; None where nothing was saved yet.

        Args:
            templates: trees of arrays of the shapes and types to restore, by name; what was not saved is left out.

        Raises a RunError where there are checkpoints, and none of them is sound.
        """
        damaged: list[str] = []
        for step in saved_steps(self.folder):
            fault = broken_seal(self._home(step))
            if not fault:
                try:
                    return self._restored(step, templates, damaged)
                except Exception as error:  # whatever the library makes of what does not fit
                    fault = str(error).splitlines()[0]
            damaged.append(f"checkpoint {step}: {fault}")
        if damaged:
            raise RunError(
                "The run has checkpoints, and none of them can be used.",
                why=damaged,
                fix=f"Remove {self.folder}, and resuming starts the run over.",
            )
        return None

    def close(self, keep: int = _KEPT) -> None:
        """Wait for what is being saved, and keep the newest `keep` checkpoints."""
        self.wait()
        self._orbax.close()
        self._prune(keep)

    def _home(self, step: int) -> Path:
        return self.folder / str(step)

    def _restored(self, step: int, templates: dict[str, Any], damaged: list[str]) -> Checkpoint:
        import jax
        import orbax.checkpoint as ocp

        wanted = {
            name: ocp.args.StandardRestore(jax.tree.map(ocp.utils.to_shape_dtype_struct, tree))
            for name, tree in templates.items()
            if (self._home(step) / name).is_dir()
        }
        found = self._orbax.restore(
            self._home(step), args=ocp.args.Composite(facts=ocp.args.JsonRestore(), **wanted)
        )
        for newer in saved_steps(self.folder):
            if newer > step:
                self._remove(newer)
        return Checkpoint(step, {name: found[name] for name in wanted}, found["facts"], damaged)

    def _seal(self, step: int) -> None:
        try:
            self._orbax.wait_until_finished()
            seal(self._home(step))
            self._prune(_KEPT)
        except Exception as error:
            self._failure = error

    def _prune(self, keep: int) -> None:
        for step in saved_steps(self.folder)[keep:]:
            self._remove(step)

    def _remove(self, step: int) -> None:
        (self._home(step) / SEAL).unlink(missing_ok=True)  # first, so that half of it is never taken for a whole
        shutil.rmtree(self._home(step), ignore_errors=True)

    def _sweep(self) -> None:
        until = time.monotonic() + _SWEEPING
        while time.monotonic() < until and (unsealed := self._unsealed()):
            for path in unsealed:
                shutil.rmtree(path, ignore_errors=True)
            time.sleep(0.1)  # the writers of a failed save go on; what they bring later, the next start sweeps

    def _unsealed(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_dir() and not (path / SEAL).is_file()]

    def _fail(self, why: str) -> None:
        self._sweep()
        steps = saved_steps(self.folder)
        raise RunError(
            f"A checkpoint could not be saved to {self.folder}.",
            why=[why.splitlines()[0], last_good(steps)],
            fix=f"Make room, then go on: zoo finetune --resume {self.folder.parent}" if steps else "Make room.",
        )


def _not_orbax(record: logging.LogRecord) -> bool:
    """Whether a log record is another library's: what orbax tells of a failure, the RunError tells."""
    return f"{os.sep}orbax{os.sep}" not in record.pathname


def saved_steps(folder: Path) -> list[int]:
    """The steps of the whole checkpoints in a folder, the newest first."""
    names = [path.parent.name for path in folder.glob(f"*/{SEAL}")]
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def last_good(steps: list[int]) -> str:
    """What messages say of the checkpoints that there are."""
    return f"the last good checkpoint is that of step {steps[0]}" if steps else "there is no checkpoint of before"


def seal(folder: Path) -> None:
    """Bring every file of a checkpoint to the disk, and write down its sha256."""
    digests = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        digests[str(path.relative_to(folder))] = sha256_of(path)
    beside = folder / f".{SEAL}"
    with beside.open("w", encoding="utf-8") as file:
        json.dump(digests, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, folder / SEAL)


def broken_seal(folder: Path) -> str:
    """What sets a checkpoint apart from what was saved, in words; empty where it is sound."""
    try:
        digests = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        altered = [name for name, digest in digests.items() if sha256_of(folder / name) != digest]
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return str(error)
    return f"{some(altered, 3)}: not what was saved" if altered else ""
