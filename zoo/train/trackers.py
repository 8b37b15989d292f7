"""What follows a run from outside: the trackers that its recipe names in `[track]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo import strict_json
from zoo.errors import Faults, RunError, ZooError, did_you_mean
from zoo.hub.notes import write_note
from zoo.registry.code import find_tracker, tracker_names
from zoo.registry.records import Tracked
from zoo.train.recipe import Recipe
from zoo.train.run import WHERE

IDS = "trackers.json"
"""In a run's directory: what its trackers call it, so that they go on with it when it is resumed."""


class Trackers:
    """The trackers of one run. One that fails on the way is left behind: the run goes on without it.

    Args:
        warn: hears why one was left behind.

    Raises a RunError where one cannot be started.
    """

    def __init__(self, recipe: Recipe, folder: Path, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.sessions: dict[str, Any] = {}
        ids = _ids(folder)
        for name, options in wanted(recipe).items():
            try:
                run = Tracked(folder.absolute().name, folder, flat(recipe), options, ids.get(name, ""))
                self.sessions[name] = find_tracker(name).start(run)
            except Exception as error:  # whatever the tracker's package raises
                self.finish({}, failed=True)
                raise RunError(
                    f"The tracker '{name}' could not be started.",
                    why=f"{type(error).__name__}: {error}",
                    fix=f"Mend that, or leave it out: --set track.{name}=false",
                ) from error
        ids |= {name: session.id for name, session in self.sessions.items() if getattr(session, "id", "")}
        if ids:
            write_note(folder / IDS, ids)

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.finish({}, failed=True)  # which a run that came to its end has done itself

    def record(self, record: Mapping[str, Any]) -> None:
        """Pass on a record of `metrics.jsonl`: `train/loss`, `validation/accuracy`. The final one waits."""
        if record.get("final"):
            return
        split = record.get("split", "train")
        values = {
            f"{split}/{k}": float(v) for k, v in record.items() if k not in WHERE and isinstance(v, int | float)
        }
        self._each(lambda session: session.log(int(record["step"]), values))

    def finish(self, summary: Mapping[str, float], files: Sequence[Path] = (), *, failed: bool = False) -> None:
        """End the runs there with the final scores, and hand over files such as the report."""
        self._each(lambda session: session.finish(summary, files, failed))
        self.sessions.clear()

    def _each(self, do: Callable[[Any], None]) -> None:
        for name, session in list(self.sessions.items()):
            try:
                do(session)
            except Exception as error:  # a run is worth more than its being watched
                del self.sessions[name]
                self.warn(f"the tracker '{name}' failed, and the run goes on without it: {error}")


def _ids(folder: Path) -> dict[str, str]:
    """What the trackers of a run that is resumed called it; nothing where that is not known."""
    try:
        kept = strict_json.loads((folder / IDS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: str(id) for name, id in kept.items()} if isinstance(kept, dict) else {}


def wanted(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """The trackers that a recipe asks for, and the options of each: `true` is all of its defaults, `false` none."""
    return {
        name: dict(options) if isinstance(options, Mapping) else {}
        for name, options in recipe.track.items()
        if options is not False
    }


def check_trackers(recipe: Recipe, faults: Faults) -> None:
    """Add to `faults` the trackers and options that there are not, and packages that are not installed."""
    for name, options in recipe.track.items():
        if name not in tracker_names():
            faults.add(f"track.{name}: there is no tracker '{name}'.{did_you_mean(name, tracker_names())}")
            continue
        if not isinstance(options, bool | Mapping):
            faults.add(f"track.{name} = {options!r}: true, false, or a table of options is needed")
            continue
        try:
            tracker = find_tracker(name)
        except ZooError as error:
            faults.add(f"track.{name}: {error.what}")
            continue
        for key, value in options.items() if isinstance(options, Mapping) else ():
            if key not in tracker.options:
                faults.add(f"track.{name}.{key} is not an option of it.{did_you_mean(key, tracker.options)}")
            elif not isinstance(value, str):
                faults.add(f"track.{name}.{key} = {value!r}: a string is needed")
        if options is not False and find_spec(tracker.package) is None:
            faults.add(
                f"track.{name}: the package '{tracker.package}' is not installed: pip install {tracker.package}"
            )


def flat(recipe: Recipe) -> dict[str, Any]:
    """The recipe's keys by their dotted names, but for those of the trackers themselves."""
    found: dict[str, Any] = {}

    def add(at: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{at}.{key}" if at else key, inner)
        else:
            found[at] = value

    add("", {table: keys for table, keys in recipe.written().items() if table != "track"})
    return found
